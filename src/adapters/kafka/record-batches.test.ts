import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ReadRecord } from "../../pipeline/ports/event-log.ts";
import { readFetchResponse } from "./fetch-response.ts";
import { createHandover } from "./handover.ts";
import { createPlaces } from "./reading-places.ts";
import { batchesIn, createHeaderNames, createRecords } from "./record-batches.ts";

type Written = {
  readonly body: string;
  readonly headers?: readonly (readonly [string, string | null])[];
  readonly deltaMs?: number;
};
type BatchOptions = {
  readonly firstOffset: number;
  readonly records: readonly Written[];
  readonly attributes?: number;
  readonly producerId?: number;
  readonly magic?: number;
  readonly pack?: (bytes: Buffer) => Buffer;
};

const firstAtMs = 1_764_000_000_000;
const maxAtMs = firstAtMs + 5000;

/** Zigzag-coded. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
const measured = (bytes: Buffer | null) =>
  bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);

function recordOf({ body, deltaMs = 0, headers = [] }: Written, index: number): Buffer {
  const inner = Buffer.concat([
    ...[Buffer.of(0), varint(deltaMs), varint(index), measured(null), measured(Buffer.from(body))],
    varint(headers.length),
    ...headers.flatMap(([name, value]) => [
      measured(Buffer.from(name)),
      measured(value === null ? null : Buffer.from(value)),
    ]),
  ]);
  return measured(inner);
}

function batchOf(options: BatchOptions): Buffer {
  const { attributes = 0, firstOffset, magic = 2, pack, producerId = -1, records } = options;
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(BigInt(firstOffset), 0);
  head[16] = magic;
  head.writeInt16BE(attributes, 21);
  head.writeInt32BE(records.length - 1, 23);
  head.writeBigInt64BE(BigInt(firstAtMs), 27);
  head.writeBigInt64BE(BigInt(maxAtMs), 35);
  head.writeBigInt64BE(BigInt(producerId), 43);
  head.writeInt32BE(records.length, 57);
  const content = Buffer.concat(records.map(recordOf));
  const batch = Buffer.concat([head, pack?.(content) ?? content]);
  batch.writeInt32BE(batch.length - 12, 8);
  return batch;
}

/** The marker that ends a transaction: its key is a version and a type, here one record without a value. */
function markerOf(firstOffset: number, producerId: number, type: "abort" | "commit"): Buffer {
  const key = Buffer.of(0, 0, 0, type === "abort" ? 0 : 1);
  const inner = Buffer.concat([
    ...[Buffer.of(0), varint(0), varint(0), measured(key), measured(null), varint(0)],
  ]);
  const head = batchOf({ firstOffset, records: [], attributes: 0x30, producerId });
  head.writeInt32BE(0, 23);
  head.writeInt32BE(1, 57);
  const marker = Buffer.concat([head, measured(inner)]);
  marker.writeInt32BE(marker.length - 12, 8);
  return marker;
}

const place = { topic: "t", partition: 0 };
const text = ({ body }: ReadRecord) => Buffer.from(body ?? []).toString();

function recordsIn(batch: Parameters<typeof createRecords>[1] | undefined): ReadRecord[] {
  if (batch === undefined) throw new Error("there is no batch");
  const next = createRecords(place, batch, createHeaderNames());
  const found: ReadRecord[] = [];
  for (let record = next(); record !== undefined; record = next()) found.push(record);
  return found;
}

describe("batches of records", () => {
  test("times beyond 32 bits and before the first one are exact", () => {
    const records = [{ body: "a", deltaMs: 2 ** 40 }, { body: "b", deltaMs: -7 }, { body: "c" }];
    const [batch] = batchesIn({ aborted: [], batches: batchOf({ firstOffset: 2 ** 33, records }) });
    const found = recordsIn(batch);
    expect(found.map(({ atMs }) => atMs - firstAtMs)).toEqual([2 ** 40, -7, 0]);
    expect(found.map(({ offset }) => offset)).toEqual([0, 1, 2].map((at) => 2 ** 33 + at));
  });

  test("where the log gives the time, it is that of the batch", () => {
    const batches = batchOf({ firstOffset: 0, records: [{ body: "a" }], attributes: 0x08 });
    expect(recordsIn(batchesIn({ aborted: [], batches })[0])[0]?.atMs).toBe(maxAtMs);
  });

  test("names of headers are those of the record, whatever the one before had", () => {
    const names = [["x-a", "x-b"], ["x-b", "x-a"], ["x-a"], ["ü", "x-bb", "x-c"], ["ü", "x-cc"]];
    const records = names.map((some) => ({
      body: "",
      headers: some.map((name) => [name, null] as const),
    }));
    const [batch] = batchesIn({ aborted: [], batches: batchOf({ firstOffset: 0, records }) });
    const found = recordsIn(batch).map(({ headers }) => headers.map(({ name }) => name));
    expect(found).toEqual(names);
  });

  test("an incomplete batch at the end is left for the next fetch", () => {
    const whole = batchOf({ firstOffset: 5, records: [{ body: "a" }, { body: "b" }] });
    const more = batchOf({ firstOffset: 7, records: [{ body: "c" }] });
    for (let length = 0; length < more.length; length += 1) {
      const batches = Buffer.concat([whole, more.subarray(0, length)]);
      expect(batchesIn({ aborted: [], batches }).map(({ next }) => next)).toEqual([7]);
    }
  });

  test("a transaction is hidden from its first record to its marker, and no other", () => {
    const transactional = { attributes: 0x10, producerId: 9 };
    const one = (firstOffset: number, options: Partial<BatchOptions> = {}) =>
      batchOf({ firstOffset, records: [{ body: `${firstOffset}` }], ...options });
    const batches = Buffer.concat([
      one(0, transactional),
      markerOf(1, 9, "commit"),
      one(2, transactional),
      one(3),
      one(4, { ...transactional, producerId: 8 }),
      markerOf(5, 9, "abort"),
      one(6, transactional),
    ]);
    const found = batchesIn({ aborted: [{ producerId: 9, firstOffset: 2 }], batches });
    const seen = found.filter(({ isHidden }) => !isHidden).map(({ firstOffset }) => firstOffset);
    expect(seen).toEqual([0, 3, 4, 6]);
  });
});

describe("handing over", () => {
  async function handed(batches: Buffer, position = 0) {
    const places = createPlaces([{ ...place, position, goal: 100 }]);
    const seen: string[] = [];
    const errors: string[] = [];
    const { hand } = createHandover({
      codecs: { 1: () => ({ decompress: async () => gunzipped }) } as never, // the only one that is called
      handler: (record) => void seen.push(text(record)),
      onError: (error, where) => void errors.push(`${where}: ${(error as Error).message}`),
      places,
    });
    const work = places.take([{ ...place, errorCode: 0, aborted: [], batches }]);
    await hand(work, () => false);
    return { seen, errors, position: work[0]?.place.position };
  }
  const packed = [{ body: "x" }, { body: "y" }];
  const gunzipped = Buffer.concat(packed.map(recordOf));

  test("what an earlier life handled is not handed over again", async () => {
    const records = ["a", "b", "c"].map((body) => ({ body }));
    expect((await handed(batchOf({ firstOffset: 0, records }), 2)).seen).toEqual(["c"]);
  });

  test("what cannot be read is reported with its offsets, and the next batch is read", async () => {
    const batches = Buffer.concat([
      batchOf({ firstOffset: 0, records: packed, attributes: 1, pack: gzipSync }),
      batchOf({ firstOffset: 2, records: packed, attributes: 3, pack: gzipSync }),
      batchOf({ firstOffset: 4, records: [{ body: "z" }] }),
      batchOf({ firstOffset: 5, records: packed, magic: 1 }),
    ]);
    expect(await handed(batches)).toEqual({
      seen: ["x", "y", "z"],
      errors: [
        "reading t[0]: offsets 2 to 3: compressed with codec 3, which cannot be read",
        "reading t[0]: offsets 5 to 5: written in the format of Kafka 0.10",
      ],
      position: 6,
    });
  });
});

describe("answers to Fetch", () => {
  const int = (bytes: number, value: number) => {
    const written = Buffer.alloc(bytes);
    if (bytes === 8) written.writeBigInt64BE(BigInt(value));
    else written.writeIntBE(value, 0, bytes);
    return written;
  };
  const answerOf = (version: number, batches: Buffer | null) =>
    Buffer.concat([
      int(4, 12),
      ...(version >= 7 ? [int(2, 0), int(4, 0)] : []),
      ...[int(4, 1), int(2, 1), Buffer.from("t"), int(4, 1)],
      ...[int(4, 3), int(2, 6), int(8, 50), int(8, 49)],
      ...(version >= 5 ? [int(8, 10)] : []),
      ...[int(4, 1), int(8, 9), int(8, 2)],
      ...(version >= 11 ? [int(4, -1)] : []),
      ...(batches === null ? [int(4, -1)] : [int(4, batches.length), batches]),
    ]);

  test.each([4, 5, 6, 7, 8, 9, 10, 11])("version %d is read", (version) => {
    const found = readFetchResponse(answerOf(version, Buffer.from("some")), version);
    expect(found).toEqual({
      ...{ errorCode: 0, clientSideThrottleTime: 12 },
      partitions: [
        {
          ...{ topic: "t", partition: 3, errorCode: 6, batches: Buffer.from("some") },
          aborted: [{ producerId: 9, firstOffset: 2 }],
        },
      ],
    });
  });

  test("without records there are none", () => {
    expect(readFetchResponse(answerOf(11, null), 11).partitions[0]?.batches).toHaveLength(0);
  });
});
