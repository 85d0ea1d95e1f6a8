import type { IHeaders } from "kafkajs";
import type { RecordHeader } from "../../pipeline/ports/event-log.ts";

// kafkajs represents headers as an object of names, which loses the order of different names, and it cannot write a
// header without a value. Kafka keeps both. This file owns the two methods of kafkajs that have to differ:
//
// 1. Reading: the only array of variable length that it decodes is that of a record's headers. It reduces them to
//    the object; ours additionally keeps the array.
// 2. Writing: `nullValue`, which has the size of a null on the wire, is written as one.

type Pair = { readonly key: string; readonly value: Buffer | null };

const inOrder = Symbol("headers in order");
const nullValue = Buffer.alloc(0);

let isPatched = false;

/** Called before the first record is read or written. */
export async function patchHeaders(): Promise<void> {
  if (isPatched) return;
  const { default: encoder } = await import("kafkajs/src/protocol/encoder.js");
  const { default: decoder } = await import("kafkajs/src/protocol/decoder.js");
  if (isPatched) return;
  isPatched = true;
  const { writeVarIntBytes } = encoder.prototype;
  encoder.prototype.writeVarIntBytes = function (value) {
    return writeVarIntBytes.call(this, value === nullValue ? null : value);
  };
  const { readVarIntArray } = decoder.prototype;
  decoder.prototype.readVarIntArray = function (read) {
    const pairs = readVarIntArray.call(this, read);
    return Object.assign(pairs, { reduce: () => ({ [inOrder]: pairs }) });
  };
}

export function headersFrom(headers: IHeaders | undefined): readonly RecordHeader[] {
  // Set by the patched method; without headers in the record's format it is absent.
  const pairs = (headers as { readonly [inOrder]?: readonly Pair[] } | undefined)?.[inOrder] ?? [];
  return pairs.map(({ key, value }) => ({ name: key, value }));
}

/** kafkajs flattens an array of values into pairs by its `map`; this one has its pairs already, in order. */
export function headersTo(headers: readonly RecordHeader[]): IHeaders {
  const pairs = headers.map(({ name, value }) => ({
    key: name,
    value: value === null ? nullValue : Buffer.from(value),
  }));
  const values: Buffer[] = Object.assign([], { map: () => pairs });
  return { "": values };
}
