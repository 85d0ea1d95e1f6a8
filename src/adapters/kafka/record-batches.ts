import type { ReadRecord, RecordHeader } from "../../pipeline/ports/event-log.ts";
import { type AbortedTransaction, type FetchedPartition, readInt64 } from "./fetch-response.ts";

// The format of batches: https://kafka.apache.org/documentation/#recordbatch
//
// Records are decoded one by one when they are wanted, and their keys, values and headers are views of what was
// fetched. kafkajs makes a decoder, two big numbers and several strings for each record before it gives the first.

export type RecordBatch = {
  readonly firstOffset: number;
  /** Behind its last offset, which may have had no record for us. */
  readonly next: number;
  readonly isReadable: boolean;
  readonly codec: number;
  /** Not to be read: a marker, or a part of an aborted transaction. */
  readonly isHidden: boolean;
  readonly records: Buffer;
  readonly count: number;
  readonly firstAtMs: number;
  /** The time that the log gave to all of them; null if each has its own. */
  readonly logAtMs: number | null;
};

const frameBytes = 12;
const magicAt = 16;
const headBytes = 61;
const readableMagic = 2;
const codecMask = 0x07;
const logTimeFlag = 0x08;
const transactionFlag = 0x10;
const controlFlag = 0x20;
/** Of a control record's key: its version, then its type. */
const abortType = 0;

/** The complete batches; an incomplete one at the end comes again with the next fetch. */
export function batchesIn({
  aborted,
  batches,
}: Pick<FetchedPartition, "aborted" | "batches">): readonly RecordBatch[] {
  const found: RecordBatch[] = [];
  const isAborted = createAborts(aborted);
  for (let at = 0; at + frameBytes <= batches.length; ) {
    const end = at + frameBytes + batches.readInt32BE(at + 8);
    if (end > batches.length || end <= at + magicAt) break;
    found.push(batchIn(batches.subarray(at, end), isAborted));
    at = end;
  }
  return found;
}

function batchIn(bytes: Buffer, isAborted: ReturnType<typeof createAborts>): RecordBatch {
  const firstOffset = readInt64(bytes, 0);
  if (bytes[magicAt] !== readableMagic)
    return {
      ...{ firstOffset, next: firstOffset + 1, isReadable: false, codec: 0, isHidden: false },
      ...{ records: bytes, count: 0, firstAtMs: 0, logAtMs: null },
    };
  const attributes = bytes.readInt16BE(21);
  const last = firstOffset + bytes.readInt32BE(23);
  const isControl = (attributes & controlFlag) !== 0;
  const records = bytes.subarray(headBytes);
  const isInAborted =
    (attributes & transactionFlag) !== 0 &&
    isAborted({ producerId: readInt64(bytes, 43), last, records, isControl });
  return {
    ...{ firstOffset, next: last + 1, isReadable: true, codec: attributes & codecMask },
    ...{ isHidden: isControl || isInAborted, records, count: bytes.readInt32BE(57) },
    firstAtMs: readInt64(bytes, 27),
    logAtMs: (attributes & logTimeFlag) === 0 ? null : readInt64(bytes, 35),
  };
}

/** Which batches belong to an aborted transaction: from its first offset up to its marker. */
function createAborts(aborted: readonly AbortedTransaction[]) {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  return (batch: { producerId: number; last: number; records: Buffer; isControl: boolean }) => {
    for (let first = waiting[0]; first !== undefined && first.firstOffset <= batch.last; ) {
      open.add(first.producerId);
      waiting.shift();
      first = waiting[0];
    }
    if (batch.isControl && typeOfMarker(batch.records) === abortType) open.delete(batch.producerId);
    return open.has(batch.producerId);
  };
}

function typeOfMarker(records: Buffer): number {
  const read = createVarints(records);
  read.integer(); // the record's length
  read.skip(1);
  read.integer();
  read.integer();
  return read.bytes()?.readInt16BE(2) ?? -1;
}

/** Gives the records of a batch one by one, from decompressed bytes; then undefined. */
export function createRecords(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  batch: RecordBatch,
  names: HeaderNames,
): () => ReadRecord | undefined {
  const { count, firstAtMs, firstOffset, logAtMs, records } = batch;
  const read = createVarints(records);
  let given = 0;
  const header = (place: number): RecordHeader => {
    const name = names(records, read.span(), read.at(), place);
    return { name, value: read.bytes() };
  };
  return () => {
    if (given === count) return undefined;
    given += 1;
    const end = read.integer() + read.at();
    read.skip(1); // attributes, unused
    const atMs = firstAtMs + read.integer();
    const offset = firstOffset + read.integer();
    const key = read.bytes();
    const body = read.bytes();
    const headers: RecordHeader[] = [];
    const headerCount = read.integer();
    for (let place = 0; place < headerCount; place += 1) headers.push(header(place));
    read.moveTo(end);
    return { topic, key, headers, body, partition, offset, atMs: logAtMs ?? atMs };
  };
}

/** A header's name, which ends at `end`; `place` is the header's in its record. */
export type HeaderNames = (bytes: Buffer, length: number, end: number, place: number) => string;

/** The headers of one record are mostly named as those of the one before, and comparing is cheaper than decoding. */
export function createHeaderNames(): HeaderNames {
  const known: { readonly bytes: Buffer; readonly text: string }[] = [];
  return (bytes, length, end, place) => {
    const last = known[place];
    const start = end - length;
    if (last !== undefined && last.bytes.length === length) {
      let same = 0;
      while (same < length && last.bytes[same] === bytes[start + same]) same += 1;
      if (same === length) return last.text;
    }
    const text = bytes.toString("utf8", start, end);
    known[place] = { bytes: Buffer.from(bytes.subarray(start, end)), text };
    return text;
  };
}

/** Reads numbers of variable length, zigzag-coded, and what is measured by them. */
function createVarints(bytes: Buffer) {
  let at = 0;
  /** Exact up to 2^53. */
  const integer = (): number => {
    let byte = bytes[at++] as number; // whoever reads beyond the end gets nonsense, as with any other wrong count
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  /** Moves behind as many bytes as it says, and says how many. */
  const span = (): number => {
    const length = integer();
    if (length > 0) at += length;
    return length;
  };
  return {
    integer,
    span,
    bytes(): Buffer | null {
      const length = span();
      return length < 0 ? null : bytes.subarray(at - length, at);
    },
    at: () => at,
    skip(count: number) {
      at += count;
    },
    moveTo(place: number) {
      at = place;
    },
  };
}
