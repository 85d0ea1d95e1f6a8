import type { LogRecord } from "../../pipeline/ports/event-log.ts";

/** A group's claim on a partition. */
export type Claim = {
  /** The first offset that the group still needs. */
  committed(): number;
  /** Whether a reader is connected; the backlog of an absent group is bounded. */
  isOpen(): boolean;
  /** Records below `offset` are gone. */
  lost(offset: number): void;
  /** A new record was appended. */
  appended(): void;
};

/** A reading without a group, which keeps what it has not handled, and has no say in where groups begin. */
export type Onlooker = {
  position(): number;
  appended(): void;
};

type Stored = { readonly record: LogRecord; readonly atMs: number };

export type Partition = {
  readonly topic: string;
  readonly index: number;
  append(record: LogRecord, atMs: number): number;
  /** The first record from `offset` on; offsets have gaps where records were compacted away. */
  next(offset: number): (Stored & { readonly offset: number }) | undefined;
  /** The first record with this time or a later one, or where the next one will be. */
  offsetAt(atMs: number): number;
  firstOffset(): number;
  nextOffset(): number;
  claim(claim: Claim): void;
  /** Returns a function that ends it. */
  look(onlooker: Onlooker): () => void;
  /** Drops records that no group needs any more. */
  release(): void;
  /** Keeps only the last record of each key, and all those without a key. */
  compact(): void;
};

/** Records by offset, each kept for as long as a claim needs it. */
export function createPartition(options: {
  readonly topic: string;
  readonly index: number;
  readonly retainRecords: number;
}): Partition {
  const records = new Map<number, Stored>();
  const claims: Claim[] = [];
  const onlookers = new Set<Onlooker>();
  let first = 0;
  let next = 0;

  const neededByGroups = (): number => {
    const retained = Math.max(0, next - options.retainRecords);
    if (claims.length === 0) return retained;
    let least = next;
    for (const claim of claims) {
      const committed = claim.committed();
      least = Math.min(least, claim.isOpen() ? committed : Math.max(committed, retained));
    }
    return least;
  };
  const neededFrom = () =>
    Math.min(neededByGroups(), ...[...onlookers].map((onlooker) => onlooker.position()));
  const release = () => {
    const needed = neededFrom();
    if (first >= needed) return;
    while (first < needed) records.delete(first++);
    for (const claim of claims) claim.lost(first);
  };
  return {
    topic: options.topic,
    index: options.index,
    append(record, atMs) {
      records.set(next, { record: copyOf(record), atMs });
      next += 1;
      release();
      for (const claim of claims) claim.appended();
      for (const onlooker of onlookers) onlooker.appended();
      return next - 1;
    },
    next(from) {
      for (let offset = Math.max(from, first); offset < next; offset += 1) {
        const stored = records.get(offset);
        if (stored !== undefined) return { offset, ...stored };
      }
      return undefined;
    },
    offsetAt(atMs) {
      for (const [offset, stored] of records) if (stored.atMs >= atMs) return offset;
      return next;
    },
    firstOffset: () => first,
    nextOffset: () => next,
    claim: (claim) => void claims.push(claim),
    look(onlooker) {
      onlookers.add(onlooker);
      return () => {
        onlookers.delete(onlooker);
        release();
      };
    },
    release,
    compact() {
      const last = new Map(
        [...records].map(([offset, { record }]) => [keyText(record.key), offset]),
      );
      for (const [offset, { record }] of records) {
        const text = keyText(record.key);
        if (text !== null && last.get(text) !== offset) records.delete(offset);
      }
    },
  };
}

/** A key in comparable form; null if there is none. */
export function keyText(key: Uint8Array | null): string | null {
  return key === null || key.length === 0 ? null : Buffer.from(key).toString("latin1");
}

/** The caller may reuse its buffers. */
function copyOf({ body, headers, key, topic }: LogRecord): LogRecord {
  const bytes = (given: Uint8Array | null) => (given === null ? null : new Uint8Array(given));
  return {
    topic,
    key: bytes(key),
    headers: headers.map(({ name, value }) => ({ name, value: bytes(value) })),
    body: bytes(body),
  };
}
