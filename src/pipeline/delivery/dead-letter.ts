import type { Message } from "../message.ts";
import type { Publication } from "../ports/broker.ts";
import type { LogRecord } from "../ports/event-log.ts";
import type { Ids } from "../ports/ids.ts";
import { deadLetters } from "../topology.ts";
import { toUtf8 } from "./bytes.ts";
import { Letter } from "./letter.ts";
import { storedWire, wireOf } from "./stored-wire.ts";
import type { Delivery, Wire } from "./wire.ts";

// A message that cannot be processed is taken out of line, with its reason, so that its neighbours continue.
// Parking is a recorded outgoing message like any other; only people consume it. Key, headers and body stay as
// received; headers are only appended.

export const deadLetterName = "tu.dead-letter";

export type Parking = {
  readonly arrived: Delivery;
  readonly consumer: string;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: string;
  readonly lastAt: string;
};

/**
 * The same for every attempt to park one delivery, across crashes; different for a later delivery of the same
 * message. A log position tells deliveries apart, even after the attempts are forgotten. A queue has no positions:
 * there the time of the first attempt does.
 */
export function letterIdOf(
  { arrived, consumer, firstAt }: Pick<Parking, "arrived" | "consumer" | "firstAt">,
  cause: Message,
  ids: Ids,
): string {
  const delivery = arrived.wire.transport === "kafka" ? arrived.origin : firstAt;
  return ids.derive(cause.id, `parked by ${consumer} ${delivery}`);
}

/** The outgoing message that parks `arrived`; `cause` is what the consumer records as incoming. */
export function deadLetterOf(parking: Parking, cause: Message, ids: Ids): Message {
  const { arrived } = parking;
  const target = targetOf(arrived);
  return {
    ...cause,
    id: letterIdOf(parking, cause, ids),
    name: deadLetterName,
    kind: "event",
    causationId: cause.id,
    occurredAt: parking.lastAt,
    producer: parking.consumer,
    schema: `${deadLetterName}.v2`,
    headers: {},
    payload: {
      target,
      marks: [
        ["x-dead-origin", arrived.origin],
        ["x-dead-target", target],
        ...routingKeyMark(arrived.wire),
        ["x-dead-consumer", parking.consumer],
        ["x-dead-code", parking.code],
        ["x-dead-reason", parking.reason],
        ["x-dead-attempts", String(parking.attempts)],
        ["x-dead-first-at", parking.firstAt],
        ["x-dead-last-at", parking.lastAt],
      ],
      wire: storedWire(arrived.wire),
    } satisfies Letter,
  };
}

export function toDeadLetter(
  message: Message,
): { transport: "kafka"; record: LogRecord } | { transport: "rabbitmq"; publication: Publication } {
  const letter = Letter.parse(message.payload);
  const { marks, target } = letter;
  const wire = wireOf(letter.wire);
  if (wire.transport === "kafka") {
    const added = marks.map(([name, value]) => ({ name, value: toUtf8(value) }));
    const { body, headers, key } = wire;
    return {
      transport: "kafka",
      record: { topic: deadLetters.topic, key, headers: [...headers, ...added], body },
    };
  }
  return {
    transport: "rabbitmq",
    publication: {
      exchange: deadLetters.exchange,
      routingKey: target,
      headers: { ...wire.headers, ...Object.fromEntries(marks) },
      // Properties that the message lacks are those of the parking message itself.
      properties: { correlationId: message.flowId, messageId: message.id, ...wire.properties },
      body: wire.body,
    },
  };
}

/** The target replaces the routing key; readers of a fanout need the original. */
function routingKeyMark(wire: Wire): readonly [string, string][] {
  return wire.transport === "kafka" ? [] : [["x-dead-routing-key", wire.routingKey]];
}

function targetOf({ origin, route }: Delivery): string {
  return route.transport === "kafka" ? route.topic : origin.replace(/^rabbitmq:/, "");
}
