import * as z from "zod";
import type { AmqpValue } from "../ports/broker.ts";
import { fromLatin1, toLatin1, toUtf8 } from "./bytes.ts";
import type { Wire } from "./wire.ts";

// The record of a dead letter: the delivery as received, in a form that survives JSON byte for byte.

type StoredValue =
  | string
  | number
  | boolean
  | null
  | { bytes: string }
  /** NaN, the infinities and -0, which JSON lacks. */
  | { number: string }
  | { timestamp: number }
  | { decimal: { places: number; digits: number } }
  | { list: StoredValue[] }
  /** As pairs, so that no name has a special meaning. */
  | { table: [string, StoredValue][] };

const Bytes = z.string();
const StoredValue: z.ZodType<StoredValue> = z.lazy(() =>
  z.union([
    z.string(),
    z.number(),
    z.boolean(),
    z.null(),
    z.object({ bytes: Bytes }),
    z.object({ number: z.string() }),
    z.object({ timestamp: z.number() }),
    z.object({ decimal: z.object({ places: z.number(), digits: z.number() }) }),
    z.object({ list: z.array(StoredValue) }),
    z.object({ table: z.array(z.tuple([z.string(), StoredValue])) }),
  ]),
);
const StoredWire = z.discriminatedUnion("transport", [
  z.object({
    transport: z.literal("kafka"),
    key: Bytes.nullable(),
    headers: z.array(z.object({ name: z.string(), value: Bytes.nullable() })),
    body: Bytes.nullable(),
  }),
  z.object({
    transport: z.literal("rabbitmq"),
    routingKey: z.string(),
    headers: z.array(z.tuple([z.string(), StoredValue])),
    properties: z.object({
      contentType: z.string().exactOptional(),
      contentEncoding: z.string().exactOptional(),
      correlationId: z.string().exactOptional(),
      replyTo: z.string().exactOptional(),
      type: z.string().exactOptional(),
      appId: z.string().exactOptional(),
      messageId: z.string().exactOptional(),
      timestamp: z.number().exactOptional(),
    }),
    body: Bytes,
  }),
]);
type StoredWire = z.infer<typeof StoredWire>;

const NewLetter = z.object({
  /** Topic or queue: the destination of a replay. */
  target: z.string(),
  /** The headers that give the reason. */
  marks: z.array(z.tuple([z.string(), z.string()])),
  wire: StoredWire,
});

/** The format of earlier versions: keys and headers were text, with the marks among them. */
const OldLetter = z
  .object({
    transport: z.enum(["kafka", "rabbitmq"]),
    target: z.string(),
    key: z.string(),
    headers: z.record(z.string(), z.string()),
    body: Bytes,
  })
  .transform(({ body, headers, key, target, transport }): z.infer<typeof NewLetter> => {
    const entries = Object.entries(headers);
    const isKafka = transport === "kafka";
    const latin1 = (text: string) => toLatin1(toUtf8(text));
    return {
      target,
      marks: [],
      wire: isKafka
        ? {
            transport,
            key: latin1(key),
            headers: entries.map(([name, value]) => ({ name, value: latin1(value) })),
            body,
          }
        : { transport, routingKey: key, headers: entries, properties: {}, body },
    };
  });

export const Letter = z.union([NewLetter, OldLetter]);
export type Letter = z.infer<typeof Letter>;

export function storedWire(wire: Wire): StoredWire {
  if (wire.transport === "rabbitmq") {
    const headers = Object.entries(wire.headers).map(storedEntry);
    return { ...wire, headers, body: toLatin1(wire.body) };
  }
  return {
    transport: wire.transport,
    key: storedBytes(wire.key),
    headers: wire.headers.map(({ name, value }) => ({ name, value: storedBytes(value) })),
    body: storedBytes(wire.body),
  };
}

export function wireOf(stored: StoredWire): Wire {
  if (stored.transport === "rabbitmq") {
    const headers = Object.fromEntries(stored.headers.map(entryOf));
    return { ...stored, headers, body: fromLatin1(stored.body) };
  }
  return {
    transport: stored.transport,
    key: bytesOf(stored.key),
    headers: stored.headers.map(({ name, value }) => ({ name, value: bytesOf(value) })),
    body: bytesOf(stored.body),
  };
}

function storedBytes(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toLatin1(bytes);
}

function bytesOf(stored: string | null): Uint8Array | null {
  return stored === null ? null : fromLatin1(stored);
}

function storedEntry([name, value]: readonly [string, AmqpValue]): [string, StoredValue] {
  return [name, storedValue(value)];
}

function storedValue(value: AmqpValue): StoredValue {
  if (value instanceof Uint8Array) return { bytes: toLatin1(value) };
  if (typeof value === "number") {
    if (Object.is(value, -0)) return { number: "-0" };
    return Number.isFinite(value) ? value : { number: String(value) };
  }
  if (value === null || typeof value !== "object") return value;
  if ("list" in value) return { list: value.list.map(storedValue) };
  if ("table" in value) return { table: Object.entries(value.table).map(storedEntry) };
  return "decimal" in value ? { decimal: { ...value.decimal } } : value;
}

function entryOf([name, value]: readonly [string, StoredValue]): [string, AmqpValue] {
  return [name, amqpValue(value)];
}

function amqpValue(stored: StoredValue): AmqpValue {
  if (stored === null || typeof stored !== "object") return stored;
  if ("bytes" in stored) return fromLatin1(stored.bytes);
  if ("number" in stored) return Number(stored.number);
  if ("list" in stored) return { list: stored.list.map(amqpValue) };
  if ("table" in stored) return { table: Object.fromEntries(stored.table.map(entryOf)) };
  return stored;
}
