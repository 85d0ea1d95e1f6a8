import * as z from "zod";
import type { AmqpValue } from "../ports/broker.ts";
import { fromLatin1, toLatin1 } from "./bytes.ts";
import type { Wire } from "./wire.ts";

// A delivery as received, in a form that survives JSON byte for byte: bytes are text with a character each.

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
export const StoredWire = z.discriminatedUnion("transport", [
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
export type StoredWire = z.infer<typeof StoredWire>;

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
