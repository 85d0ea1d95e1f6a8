import type { LogRecord } from "../../pipeline/ports/event-log.ts";

/** What a group has claimed of a partition. */
export type Claim = {
  /** The first offset that the group still needs. */
  committed(): number;
  /** Whether a reader is connected; the backlog of an absent group is bounded. */
  isOpen(): boolean;
  /** Records below `offset` are gone. */
  lost(offset: number): void;
  /** There is a new record. */
  appended(): void;
};

export type Partition = {
  readonly topic: string;
  readonly index: number;
  append(record: LogRecord): number;
  /** The first record from `offset` on; offsets have gaps where records were compacted away. */
  next(offset: number): { readonly offset: number; readonly record: LogRecord } | undefined;
  firstOffset(): number;
  nextOffset(): number;
  claim(claim: Claim): void;
  /** Drops records that no group needs any more. */
  release(): void;
  /** Of the records with one key keeps the last; those without a key stay. */
  compact(): void;
};

/** Records by offset, each kept for as long as a claim needs it. */
export function createPartition(options: {
  readonly topic: string;
  readonly index: number;
  readonly retainRecords: number;
}): Partition {
  const records = new Map<number, LogRecord>();
  const claims: Claim[] = [];
  let first = 0;
  let next = 0;

  const neededFrom = (): number => {
    const retained = Math.max(0, next - options.retainRecords);
    if (claims.length === 0) return retained;
    let least = next;
    for (const claim of claims) {
      const committed = claim.committed();
      least = Math.min(least, claim.isOpen() ? committed : Math.max(committed, retained));
    }
    return least;
  };
  const release = () => {
    const needed = neededFrom();
    if (first >= needed) return;
    while (first < needed) records.delete(first++);
    for (const claim of claims) claim.lost(first);
  };
  return {
    topic: options.topic,
    index: options.index,
    append(record) {
      records.set(next, copyOf(record));
      next += 1;
      release();
      for (const claim of claims) claim.appended();
      return next - 1;
    },
    next(from) {
      for (let offset = Math.max(from, first); offset < next; offset += 1) {
        const record = records.get(offset);
        if (record !== undefined) return { offset, record };
      }
      return undefined;
    },
    firstOffset: () => first,
    nextOffset: () => next,
    claim: (claim) => void claims.push(claim),
    release,
    compact() {
      const last = new Map([...records].map(([offset, { key }]) => [keyText(key), offset]));
      for (const [offset, { key }] of records) {
        const text = keyText(key);
        if (text !== null && last.get(text) !== offset) records.delete(offset);
      }
    },
  };
}

/** A key as something to compare; null for none. */
export function keyText(key: Uint8Array | null): string | null {
  return key === null || key.length === 0 ? null : Buffer.from(key).toString("latin1");
}

/** The caller may use its buffers again. */
function copyOf({ body, headers, key, topic }: LogRecord): LogRecord {
  const bytes = (given: Uint8Array | null) => (given === null ? null : new Uint8Array(given));
  return {
    topic,
    key: bytes(key),
    headers: headers.map(({ name, value }) => ({ name, value: bytes(value) })),
    body: bytes(body),
  };
}
