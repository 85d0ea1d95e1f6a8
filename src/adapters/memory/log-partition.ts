import type { LogRecord } from "../../pipeline/ports.ts";

/** What a group has claimed of a partition. */
export type Claim = {
  /** The first offset that the group still needs. */
  committed(): number;
  /** Whether somebody is reading; the claim of an absent group is bounded. */
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
  read(offset: number): LogRecord | undefined;
  firstOffset(): number;
  nextOffset(): number;
  claim(claim: Claim): void;
  /** Lets go of what nobody needs any more. */
  release(): void;
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
      // The caller may use its buffer again.
      records.set(next, { ...record, body: new Uint8Array(record.body) });
      next += 1;
      release();
      for (const claim of claims) claim.appended();
      return next - 1;
    },
    read: (offset) => records.get(offset),
    firstOffset: () => first,
    nextOffset: () => next,
    claim: (claim) => void claims.push(claim),
    release,
  };
}
