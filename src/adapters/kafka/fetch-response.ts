/** One partition's part of an answer to Fetch. */
export type FetchedPartition = {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** Transactions whose records must not be read. */
  readonly aborted: readonly AbortedTransaction[];
  /** Batches of records, the last one possibly incomplete. */
  readonly batches: Buffer;
};

export type AbortedTransaction = { readonly producerId: number; readonly firstOffset: number };

export type FetchResponse = {
  readonly errorCode: number;
  readonly clientSideThrottleTime: number;
  readonly partitions: readonly FetchedPartition[];
};

/** The first version with batches of records. */
export const oldestVersion = 4;

const nothing = Buffer.alloc(0);

/**
 * Reads the answers to versions 4 to 11 of Fetch, and copies nothing: kafkajs decodes every record of an answer before
 * it returns the first one. https://kafka.apache.org/protocol#The_Messages_Fetch
 */
export function readFetchResponse(bytes: Buffer, version: number): FetchResponse {
  let at = 0;
  const int16 = () => {
    at += 2;
    return bytes.readInt16BE(at - 2);
  };
  const int32 = () => {
    at += 4;
    return bytes.readInt32BE(at - 4);
  };
  const int64 = () => {
    at += 8;
    return readInt64(bytes, at - 8);
  };
  const since = <T>(wanted: number, read: () => T, otherwise: T) =>
    version >= wanted ? read() : otherwise;
  const text = () => {
    const length = int16();
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  /** Null is written as a length of -1. */
  const array = <T>(read: () => T): readonly T[] =>
    Array.from({ length: Math.max(0, int32()) }, read);
  const block = () => {
    const length = Math.max(0, int32());
    at += length;
    return length === 0 ? nothing : bytes.subarray(at - length, at);
  };
  const partition = (topic: string) => {
    const [index, errorCode] = [int32(), int16()];
    int64(); // the high watermark
    int64(); // the last stable offset
    since(5, int64, 0); // the first offset
    const aborted = array(() => ({ producerId: int64(), firstOffset: int64() }));
    since(11, int32, 0); // a preferred replica
    return { topic, partition: index, errorCode, aborted, batches: block() };
  };
  const clientSideThrottleTime = int32();
  const errorCode = since(7, int16, 0);
  since(7, int32, 0); // a session
  const topics = array(() => {
    const topic = text();
    return array(() => partition(topic));
  });
  return { errorCode, clientSideThrottleTime, partitions: topics.flat() };
}

/** Exact up to 2^53, which no offset and no time reaches. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
