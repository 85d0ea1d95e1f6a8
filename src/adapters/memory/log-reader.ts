import type { LogDelivery } from "../../pipeline/ports/event-log.ts";
import type { Partition } from "./log-partition.ts";
import { createWindow, type Flight } from "./log-window.ts";

/** A member of the group. */
export type Owner = {
  readonly window: number;
  readonly handler: (delivery: LogDelivery) => Promise<void>;
  /** Its running handlers, across all partitions. */
  readonly running: Set<Promise<void>>;
};

/** One group's reading of one partition. */
export type Reader = {
  readonly partition: Partition;
  /** Assigns the partition to a member, or to none. Takes effect when running handlers have ended. */
  assign(owner: Owner | null): void;
  owner(): Owner | null;
  /** Revokes the partition immediately; deliveries from it are stale. */
  drop(): void;
  lag(): number;
  committed(): number;
  lastProgressAtMs(): number;
};

type ReaderOptions = {
  readonly partition: Partition;
  readonly from: "earliest" | "latest";
  readonly nowMs: () => number;
  readonly later: (delayMs: number, action: () => void) => void;
  /** Marks a delivery; the mark throws once the connection it came over is gone. */
  readonly hold: () => () => void;
  /** Reports a handler that rejected, and returns the delay before its record is redelivered. */
  readonly onError: (error: unknown) => number;
};

/**
 * 1. `active` is the member whose deliveries are running. A different `owner` waits until their handlers have ended,
 *    and begins at the committed offset.
 * 2. Deliveries of an earlier owner, or of a connection that is gone, no longer change anything.
 */
export function createReader(options: ReaderOptions): Reader {
  const { nowMs, partition } = options;
  const window = createWindow(partition, options.from);
  let owner: Owner | null = null;
  let active: Owner | null = null;
  let underWay = 0;
  /** Counts the takeovers, to distinguish handlers from before a lost connection. */
  let reign = 0;
  let progressAtMs = nowMs();

  const takeOver = () => {
    active = owner;
    reign += 1;
    underWay = 0;
    window.reset();
    progressAtMs = nowMs();
    pump();
  };
  const ended = () => {
    underWay -= 1;
    if (underWay === 0 && active !== owner) takeOver();
  };
  const start = (flight: Flight) => {
    if (active === null || active !== owner) return;
    const [to, began] = [active, reign];
    underWay += 1;
    // Not inside append or commit: their callers have not continued yet.
    const running = Promise.resolve()
      .then(() => deliver(to, flight, { ...options, commit, retry }))
      .then(() => {
        to.running.delete(running);
        if (began === reign) ended();
      });
    to.running.add(running);
  };
  const pump = () => {
    if (active === null || active !== owner) return;
    for (const flight of window.read(active.window)) start(flight);
  };
  const commit = (flight: Flight) => {
    if (!window.isOpen(flight)) return;
    progressAtMs = nowMs();
    const next = window.done(flight);
    partition.release();
    if (next !== undefined) start(next);
    pump();
  };
  const retry = (flight: Flight, delayMs: number) =>
    options.later(delayMs, () => {
      if (window.isOpen(flight)) start(flight);
    });
  const lag = () => partition.nextOffset() - window.committed();
  partition.claim({
    committed: window.committed,
    isOpen: () => owner !== null || underWay > 0,
    lost: window.lost,
    appended() {
      if (lag() === 1) progressAtMs = nowMs();
      pump();
    },
  });
  return {
    partition,
    assign(next) {
      if (next === owner) return;
      owner = next;
      progressAtMs = nowMs();
      if (underWay === 0) takeOver();
    },
    owner: () => owner,
    drop() {
      owner = null;
      takeOver();
    },
    lag,
    committed: window.committed,
    lastProgressAtMs: () => progressAtMs,
  };
}

type DeliveryPorts = Pick<ReaderOptions, "hold" | "onError" | "partition"> & {
  readonly commit: (flight: Flight) => void;
  readonly retry: (flight: Flight, delayMs: number) => void;
};

async function deliver(
  { handler }: Owner,
  flight: Flight,
  { commit, hold, onError, partition, retry }: DeliveryPorts,
): Promise<void> {
  const requireConnection = hold();
  let isRetried = false;
  const again = (delayMs: number) => {
    if (isRetried) return;
    isRetried = true;
    retry(flight, delayMs);
  };
  try {
    await handler({
      ...flight.record,
      partition: partition.index,
      offset: flight.offset,
      async commit() {
        requireConnection();
        commit(flight);
      },
      async retry(delayMs) {
        requireConnection();
        again(delayMs);
      },
    });
  } catch (error) {
    again(onError(error));
  }
}
