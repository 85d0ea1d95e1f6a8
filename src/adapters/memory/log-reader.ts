import type { LogDelivery } from "../../pipeline/ports.ts";
import type { Partition } from "./log-partition.ts";

/** A member of the group. */
export type Owner = { readonly handler: (delivery: LogDelivery) => Promise<void> };

/** The reading of one partition by one group. */
export type Reader = {
  /** Gives the partition to a member, or to nobody. Takes effect when the handler under way has ended. */
  assign(owner: Owner | null): void;
  /** Resolves when no delivery to `owner` is under way. */
  ended(owner: Owner): Promise<void>;
};

/**
 * 1. At most one handler runs at a time, whoever owns the partition.
 * 2. `committed` is the end of the contiguous prefix of commits; `ahead` holds the commits beyond it.
 * 3. `position` is the next record to deliver; a new owner begins at `committed`, a retry moves it
 *    back. What is in `ahead` is skipped: done is done.
 */
export function createReader(options: {
  readonly partition: Partition;
  readonly from: "earliest" | "latest";
  readonly retry: (delayMs: number, action: () => void) => void;
  /** Reports a handler that rejected and says how long its record waits. */
  readonly onError: (error: unknown) => number;
}): Reader {
  const { partition } = options;
  let committed = options.from === "earliest" ? partition.firstOffset() : partition.nextOffset();
  let position = committed;
  const ahead = new Set<number>();
  let owner: Owner | null = null;
  let running: { readonly owner: Owner; readonly ended: Promise<void> } | null = null;
  /** Counts the reasons to wait, so that two retries under way both hold the partition. */
  let holds = 0;

  const isDone = (offset: number) => offset < committed || ahead.has(offset);
  const commit = (offset: number) => {
    if (isDone(offset)) return;
    ahead.add(offset);
    while (ahead.delete(committed)) committed += 1;
    partition.release();
  };
  const retry = (offset: number, delayMs: number) => {
    if (isDone(offset)) return;
    position = Math.min(position, offset);
    holds += 1;
    options.retry(delayMs, () => {
      holds -= 1;
      pump();
    });
  };
  const deliver = async (to: Owner, offset: number) => {
    const record = partition.read(offset);
    if (record === undefined) return;
    let isRetried = false;
    const again = (delayMs: number) => {
      if (isRetried) return;
      isRetried = true;
      retry(offset, delayMs);
    };
    try {
      await to.handler({
        ...record,
        partition: partition.index,
        offset,
        commit: async () => commit(offset),
        retry: async (delayMs) => again(delayMs),
      });
    } catch (error) {
      again(options.onError(error));
    }
  };
  const pump = () => {
    while (isDone(position)) position += 1;
    if (running !== null || holds > 0 || owner === null || position >= partition.nextOffset())
      return;
    const to = owner;
    const offset = position;
    position += 1;
    // Not within append or commit: their callers have not gone on yet.
    const ended = Promise.resolve()
      .then(() => deliver(to, offset))
      .then(() => {
        running = null;
        if (owner !== to) position = committed;
        pump();
      });
    running = { owner: to, ended };
  };
  partition.claim({
    committed: () => committed,
    isOpen: () => owner !== null || running !== null,
    lost: (offset) => {
      committed = Math.max(committed, offset);
      for (const one of ahead) if (one < committed) ahead.delete(one);
      while (ahead.delete(committed)) committed += 1;
    },
    appended: () => pump(),
  });
  return {
    assign(next) {
      if (next === owner) return;
      owner = next;
      if (running !== null) return;
      position = committed;
      pump();
    },
    async ended(member) {
      if (running?.owner === member) await running.ended;
    },
  };
}
