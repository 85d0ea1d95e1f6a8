// Converts between the envelope and the two wire formats. The body is only the payload; the rest is headers.
//
//   W1. Writers are strict: a payload that the contract's schema rejects is never sent, and fields it does not name
//       are not written. Fields are in schema order, so the same payload gives the same bytes.
//   W2. Readers are tolerant of letter case in keys, known aliases, unknown fields, and missing headers.
//   W3. An unreadable body is a value (`unreadable`), not an exception: it is parked as is.
//   W4. A body written by this process that returns byte for byte is not parsed again: its content is known.

import type { z } from "zod";
import { findContract, routeOf } from "../contracts/catalogue.ts";
import type { Contract, Route } from "../contracts/contract.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Publication } from "../ports/broker.ts";
import type { LogRecord } from "../ports/event-log.ts";
import type { Headers } from "../ports/headers.ts";
import type { Ids } from "../ports/ids.ts";
import { toEpochMs } from "../time.ts";
import { fromUtf8, toUtf8 } from "./bytes.ts";
import { headerNames } from "./headers.ts";
import { describeIssues } from "./issues.ts";
import { respell } from "./tolerant.ts";
import { validate } from "./validate.ts";
import { spelled } from "./wire-shape.ts";
import { createWritten } from "./written.ts";

const envelopeHeaders: readonly string[] = [
  headerNames.correlationId,
  headerNames.schema,
  headerNames.producer,
  headerNames.messageId,
  headerNames.causationId,
  headerNames.occurredAt,
];

export type Encoded = { readonly route: Route } & (
  | { readonly transport: "kafka"; readonly record: LogRecord & { readonly body: Uint8Array } }
  | { readonly transport: "rabbitmq"; readonly publication: Publication }
);

type Payload = Record<string, unknown>;
const written = createWritten();

/** Throws E_MESSAGE_UNKNOWN or E_MESSAGE_INVALID: our own writer is wrong, and nothing was sent. */
export function encode(message: Message): Encoded {
  const contract = findContract(message.name);
  if (contract === undefined) {
    throw new TuError("E_MESSAGE_UNKNOWN", `there is no message named ${message.name}`);
  }
  const route = routeOf(contract, message.producer);
  const payload = validated(route.body, message);
  const body = toUtf8(bodyText(route, payload));
  written.add(message.id, { route, body, payload });
  return enveloped(message, route, body);
}

/** Around any body, whatever the contract says of it. */
export function enveloped(message: Message, route: Route, body: Uint8Array): Encoded {
  const headers = headersOf(message);
  if (route.transport === "kafka") {
    return {
      route,
      transport: "kafka",
      record: {
        topic: route.topic,
        key: toUtf8(message.subject),
        headers: Object.entries(headers).map(([name, value]) => ({ name, value: toUtf8(value) })),
        body,
      },
    };
  }
  return {
    route,
    transport: "rabbitmq",
    publication: {
      exchange: route.exchange,
      routingKey: route.exchangeType === "direct" ? message.name : message.subject,
      headers,
      properties: {
        contentType: "application/json",
        correlationId: message.flowId,
        type: message.schema,
        appId: message.producer,
        messageId: message.id,
        timestamp: Math.floor(toEpochMs(message.occurredAt) / 1000),
      },
      body,
    },
  };
}

/** A delivery exactly as the transport provided it, for dead letters. */
export type Wire =
  | ({ readonly transport: "kafka" } & Pick<LogRecord, "key" | "headers" | "body">)
  | ({ readonly transport: "rabbitmq" } & Omit<Publication, "exchange">);

export type Delivery = {
  readonly contract: Contract;
  readonly route: Route;
  /** Only those that are text, by name. */
  readonly headers: Headers;
  /** Empty if the record has none. */
  readonly body: Uint8Array;
  /** Kafka's key or the routing key; empty if absent or not text. */
  readonly key: string;
  /** Where it arrived (`kafka:<topic>/<partition>/<offset>`, `rabbitmq:<queue>`): the id of last resort. */
  readonly origin: string;
  readonly receivedAt: string;
  /** It may have been delivered before. Always true on a log, which does not report that. */
  readonly redelivered: boolean;
  readonly wire: Wire;
};
export type Decoded =
  | { readonly readable: true; readonly message: Message }
  | { readonly readable: false; readonly code: "E_MESSAGE_INVALID"; readonly reason: string };

export function decode(arrived: Delivery, ids: Ids): Decoded {
  const { body, headers, route } = arrived;
  const own = written.payloadOf(headers[headerNames.messageId], route, body);
  if (own !== undefined) return { readable: true, message: envelope(arrived, own, ids) };
  const text = fromUtf8(body);
  if (text === undefined) return unreadable("the body is not UTF-8");
  const parsed = parseJson(text);
  if (!parsed.ok) return unreadable("the body is not JSON");
  const payload = route.body.safeParse(respell(route.body, parsed.value));
  if (!payload.success) return unreadable(describeIssues(payload.error));
  return { readable: true, message: envelope(arrived, payload.data, ids) };
}

function envelope(arrived: Delivery, payload: Payload, ids: Ids): Message {
  const { contract, headers, route } = arrived;
  const objectKey = payload["objectKey"];
  const fanoutKey =
    route.transport === "kafka" || route.exchangeType === "fanout" ? arrived.key : "";
  const subject = typeof objectKey === "string" ? objectKey : fanoutKey;
  // The real services send no ids: missing ones are derived from what identifies the message.
  const id =
    headers[headerNames.messageId] ?? ids.derive(arrived.origin, fromUtf8(arrived.body) ?? "");
  return {
    id,
    name: contract.name,
    kind: contract.kind,
    flowId: headers[headerNames.correlationId] ?? ids.derive(subject || id, "flow"),
    causationId: headers[headerNames.causationId] ?? null,
    subject,
    occurredAt: headers[headerNames.occurredAt] ?? arrived.receivedAt,
    producer: headers[headerNames.producer] ?? route.producerHeader,
    schema: headers[headerNames.schema] ?? contract.schemaId,
    headers: Object.fromEntries(
      Object.entries(headers).filter(([name]) => !envelopeHeaders.includes(name)),
    ),
    payload,
  };
}

function headersOf(message: Message): Headers {
  return {
    ...message.headers,
    [headerNames.schema]: message.schema,
    [headerNames.producer]: message.producer,
    [headerNames.correlationId]: message.flowId,
    [headerNames.messageId]: message.id,
    [headerNames.occurredAt]: message.occurredAt,
    ...(message.causationId === null ? {} : { [headerNames.causationId]: message.causationId }),
  };
}

function validated(schema: z.ZodObject, message: Message): Payload {
  const result = validate(schema, message.payload);
  if (result.success) return result.data;
  throw new TuError(
    "E_MESSAGE_INVALID",
    `${message.name} does not match its schema: ${describeIssues(result.error)}`,
    { hint: `see \`tu-analyze messages ${message.name} --schema\`` },
  );
}

function bodyText(route: Route, payload: Payload): string {
  return escapeLikeDotnet(JSON.stringify(spelled(route, payload)));
}

/** System.Text.Json's default encoder, which the real services use, writes these as \uXXXX. */
function escapeLikeDotnet(json: string): string {
  return json
    .replaceAll('\\"', "\\u0022")
    .replace(
      /[<>&'`\u007f-\uffff]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
    );
}

function unreadable(reason: string): Decoded {
  return { readable: false, code: "E_MESSAGE_INVALID", reason };
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    // The reason is the text itself, which is parked byte for byte.
    return { ok: false };
  }
}
