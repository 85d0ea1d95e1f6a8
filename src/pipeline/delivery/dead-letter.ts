import { z } from "zod";
import type { Message } from "../message.ts";
import type { Headers, Ids, LogRecord, Publication } from "../ports.ts";
import { deadLetters } from "../topology.ts";
import type { Arrived } from "./wire.ts";

// A message that cannot be worked off leaves the line with its reason, so that its neighbours go on.
// Parking is a recorded outgoing message like any other; nobody consumes it but a person.

export const deadLetterName = "tu.dead-letter";

const Letter = z.object({
  transport: z.enum(["kafka", "rabbitmq"]),
  /** Topic or queue: where a replay must go. */
  target: z.string(),
  key: z.string(),
  headers: z.record(z.string(), z.string()),
  /** Byte for byte, as Latin-1 text (one character a byte), so that it fits into JSON. */
  body: z.string(),
});

export type Parking = {
  readonly arrived: Arrived;
  readonly consumer: string;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: string;
  readonly lastAt: string;
};

/** The outgoing message that parks `arrived`; `cause` is what the consumer records as incoming. */
export function deadLetterOf(parking: Parking, cause: Message, ids: Ids): Message {
  const { arrived } = parking;
  const target = targetOf(arrived);
  const headers: Headers = {
    ...arrived.headers,
    "x-dead-origin": arrived.origin,
    "x-dead-target": target,
    "x-dead-consumer": parking.consumer,
    "x-dead-code": parking.code,
    "x-dead-reason": parking.reason,
    "x-dead-attempts": String(parking.attempts),
    "x-dead-first-at": parking.firstAt,
    "x-dead-last-at": parking.lastAt,
  };
  return {
    ...cause,
    id: ids.derive(cause.id, `parked by ${parking.consumer} ${parking.firstAt}`),
    name: deadLetterName,
    kind: "event",
    causationId: cause.id,
    occurredAt: parking.lastAt,
    producer: parking.consumer,
    schema: `${deadLetterName}.v1`,
    headers: {},
    payload: {
      transport: arrived.route.transport,
      target,
      key: arrived.key,
      headers,
      body: Array.from(arrived.body, (byte) => String.fromCharCode(byte)).join(""),
    } satisfies z.infer<typeof Letter>,
  };
}

export function toDeadLetter(
  message: Message,
): { transport: "kafka"; record: LogRecord } | { transport: "rabbitmq"; publication: Publication } {
  const letter = Letter.parse(message.payload);
  const body = Uint8Array.from(letter.body, (char) => char.charCodeAt(0));
  if (letter.transport === "kafka") {
    return {
      transport: "kafka",
      record: { topic: deadLetters.topic, key: letter.key, headers: letter.headers, body },
    };
  }
  return {
    transport: "rabbitmq",
    publication: {
      exchange: deadLetters.exchange,
      routingKey: letter.target,
      headers: letter.headers,
      properties: {
        contentType: "application/json",
        correlationId: message.flowId,
        type: letter.headers["x-schema"] ?? "",
        appId: message.producer,
        messageId: message.id,
        timestamp: 0,
      },
      body,
    },
  };
}

function targetOf({ origin, route }: Arrived): string {
  return route.transport === "kafka" ? route.topic : origin.replace(/^rabbitmq:/, "");
}
