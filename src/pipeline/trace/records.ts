import { fromUtf8, toLatin1 } from "../delivery/bytes.ts";
import { wireOf } from "../delivery/stored-wire.ts";
import type { Wire } from "../delivery/wire.ts";
import type { AmqpValue } from "../ports/broker.ts";
import type { Seen } from "../ports/flow-store.ts";
import type { TraceNotice, TraceRecord } from "../reports/records.ts";
import { toIso } from "../time.ts";

// What was seen, as it is published: readable, and beside that lossless.

/** The fields that a filter may name. */
export const recordFields = [
  ...[
    "name",
    "kind",
    "transport",
    "from",
    "to",
    "at",
    "flowId",
    "messageId",
    "causationId",
    "note",
  ],
  ...["origin", "subject", "key", "header", "headers", "body", "code", "message"],
] as const;

export function recordOf(seen: Seen): TraceRecord | TraceNotice {
  if (seen.type === "notice") {
    const { atMs, code, flowId, message } = seen;
    return { schema: "tu-analyze/trace-notice@1", flowId, at: toIso(atMs), code, message };
  }
  const { hop, travelled } = seen;
  const { atMs, ...rest } = hop;
  const wire = travelled === null ? null : wireOf(travelled.wire);
  return {
    schema: "tu-analyze/trace-record@1",
    ...rest,
    at: toIso(atMs),
    origin: travelled?.origin ?? null,
    subject: travelled?.subject ?? null,
    key: wire === null ? null : keyOf(wire),
    headers: wire === null ? {} : headersOf(wire),
    body: wire === null ? null : bodyOf(wire.body),
    wire: travelled?.wire ?? null,
  };
}

/** The record as a filter sees it. */
export const filtered = (record: TraceRecord | TraceNotice): Readonly<Record<string, unknown>> =>
  "headers" in record ? { ...record, header: record.headers } : record;

export function withoutBody(record: TraceRecord): Omit<TraceRecord, "body" | "wire"> {
  const { body: _, wire: __, ...rest } = record;
  return rest;
}

/** Null if it is no text. */
export function keyOf(wire: Wire): string | null {
  if (wire.transport === "rabbitmq") return wire.routingKey;
  return wire.key === null ? null : (fromUtf8(wire.key) ?? null);
}

/** Those that are text; of repeated ones the last. */
export function headersOf(wire: Wire): Record<string, string> {
  const pairs =
    wire.transport === "kafka"
      ? wire.headers.map(({ name, value }) => [name, value] as const)
      : Object.entries(wire.headers);
  return Object.fromEntries(
    pairs.flatMap(([name, value]) => {
      const text = textOf(value);
      return text === undefined ? [] : [[name, text] as const];
    }),
  );
}

function textOf(value: AmqpValue): string | undefined {
  if (value instanceof Uint8Array) return fromUtf8(value);
  return value === null || typeof value === "object" ? undefined : String(value);
}

/** JSON if it is that, otherwise text with a character for each byte. */
export function bodyOf(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null;
  const text = fromUtf8(bytes);
  try {
    return text === undefined ? toLatin1(bytes) : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}
