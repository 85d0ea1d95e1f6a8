import { describeError } from "../errors.ts";
import type { Timer } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal, JournalPlace } from "../ports/journal.ts";
import type { Reporter } from "../ports/reporter.ts";
import type { Timers } from "../ports/timers.ts";

// Adopted timers that are far from due stay in the journal; memory holds only the place and due time of each. With
// a hundred thousand timers held as objects, they caused most of the garbage collection during adoption.
//
//   F1. A timer that is near is scheduled, for the millisecond it was due at; none fires early.
//   F2. Whether it is still waiting is checked then: timers kept here need no cancelling.
//   F3. A timer that cannot be read stays, and is read again later. The journal has it, whatever happens to this
//       process.
//   F4. Setting the clock does not change any wait.

export type FarTimers = {
  /** False: it is near, and the caller must schedule it. */
  keep(timer: Timer, place: JournalPlace): boolean;
  /** Schedules nothing more. Resolves when running work has finished. */
  close(): Promise<void>;
};

const lookEveryMs = 1_000;
/** Room for several looks, in case one fails or many timers have to be read. */
const nearMsDefault = 5_000;
/** The width of a bucket: timers that are due, and forgotten, together. */
const widthMs = 1_000;
const pageSize = 500;
/** Per timer, consecutively in an array of numbers: seq, position, and the due time in elapsed time. */
const numbersOfTimer = 3;

export function createFarTimers(ports: {
  readonly clock: Clock;
  readonly journal: Pick<Journal, "waiting">;
  readonly timers: Pick<Timers, "schedule">;
  readonly reporter: Pick<Reporter, "notice">;
  /** How long before its due time a timer is read. Default 5 000. */
  readonly nearMs?: number;
}): FarTimers {
  const { clock, journal, nearMs = nearMsDefault, reporter, timers } = ports;
  const closing = new AbortController();
  const buckets = new Map<number, number[]>();
  let looking: Promise<void> | null = null;
  const elapsedMs = () => clock.elapsedMs?.() ?? clock.nowMs();

  const bring = async (page: readonly number[]): Promise<void> => {
    const places: JournalPlace[] = [];
    const dueAt: number[] = [];
    for (let at = 0; at < page.length; at += numbersOfTimer) {
      const [seq = 0, position = 0, dueAtMs = 0] = page.slice(at, at + numbersOfTimer);
      places.push({ seq, position });
      dueAt.push(dueAtMs);
    }
    const found = await journal.waiting(places);
    const aheadMs = clock.nowMs() - elapsedMs();
    // Rounded up, because the two clocks do not tick over at the same instant.
    for (const [index, timer] of found.entries())
      if (timer !== null)
        timers.schedule({ ...timer, dueAtMs: Math.ceil((dueAt[index] ?? 0) + aheadMs) });
  };
  /** On failure, keeps what was not read. */
  const empty = async (key: number, bucket: number[]): Promise<void> => {
    while (bucket.length > 0 && !closing.signal.aborted) {
      const size = Math.min(bucket.length, pageSize * numbersOfTimer);
      await bring(bucket.slice(0, size));
      bucket.splice(0, size);
      await clock.sleep(0, closing.signal).catch(() => undefined); // yield to others
    }
    if (bucket.length === 0) buckets.delete(key);
  };
  const look = async (): Promise<void> => {
    const nearUntil = Math.floor((elapsedMs() + nearMs) / widthMs);
    for (const [key, bucket] of buckets) if (key <= nearUntil) await empty(key, bucket);
  };
  const lookUntilEmpty = async (): Promise<void> => {
    while (buckets.size > 0 && !closing.signal.aborted) {
      await clock.sleep(lookEveryMs, closing.signal).catch(() => undefined); // closing
      if (!closing.signal.aborted) await look().catch(tell);
    }
    looking = null;
  };
  const tell = (error: unknown) => {
    const { code, reason } = describeError(error);
    reporter.notice({ code, message: `timers could not be read: ${reason}`, flowId: null });
  };
  return {
    keep(timer, { position, seq }) {
      const leftMs = timer.dueAtMs - clock.nowMs();
      if (leftMs <= nearMs || closing.signal.aborted) return false;
      const dueAtMs = elapsedMs() + leftMs;
      const key = Math.floor(dueAtMs / widthMs);
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [seq, position, dueAtMs]);
      else bucket.push(seq, position, dueAtMs);
      looking ??= lookUntilEmpty();
      return true;
    },
    async close() {
      closing.abort();
      await looking;
    },
  };
}
