import { TuError } from "../../pipeline/errors.ts";
import type { AmqpTable, AmqpValue } from "../../pipeline/ports/broker.ts";

// amqplib writes a JavaScript value by its kind, and an object `{ "!": type, value }` as the type that it names. What
// it would guess wrong is named here: large numbers, and tables, which may have a key "!" of their own.

type Named = { readonly "!": string; readonly value: unknown };

const named = (type: string, value: unknown): Named => ({ "!": type, value });

/** Copies: the caller may reuse its buffers. */
export function tableTo(table: AmqpTable): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, valueTo(value)]));
}

function valueTo(value: AmqpValue): unknown {
  if (typeof value === "number") return numberTo(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if ("timestamp" in value) return named("timestamp", value.timestamp);
  if ("decimal" in value) return named("decimal", value.decimal);
  if ("list" in value) return value.list.map(valueTo);
  return named("object", tableTo(value.table));
}

/** RabbitMQ cuts the connection over a number that its Erlang cannot represent. */
function numberTo(value: number): unknown {
  if (!Number.isFinite(value))
    throw new TuError("E_MESSAGE_INVALID", `a number in a header must be finite, not ${value}`);
  const isInteger = Number.isSafeInteger(value) && !Object.is(value, -0);
  return isInteger ? value : named("double", value);
}

/** Copies: what amqplib decoded is a view of what it received. */
export function tableFrom(table: object | undefined): AmqpTable {
  return Object.fromEntries(
    Object.entries(table ?? {}).map(([key, value]) => [key, valueFrom(value)]),
  );
}

function valueFrom(value: unknown): AmqpValue {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return { list: value.map(valueFrom) };
  if (typeof value !== "object" || value === null) return value as string | number | boolean | null; // nothing else is decoded
  if (!isNamed(value)) return { table: tableFrom(value) };
  return value["!"] === "timestamp"
    ? { timestamp: Number(value.value) }
    : { decimal: value.value as { places: number; digits: number } }; // as it is decoded
}

/** Only these two are decoded to a type and a value. */
function isNamed(value: object): value is Named {
  return "!" in value && (value["!"] === "timestamp" || value["!"] === "decimal");
}
