import { describeError } from "../errors.ts";
import type { Timer } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal, JournalPlace } from "../ports/journal.ts";
import type { Reporter } from "../ports/reporter.ts";
import type { Timers } from "../ports/timers.ts";

// Timers of flows that were taken over, as long as they are far from due: they stay in the journal, and what is
// held of each is where it stands and when it is due. Of a hundred thousand timers as objects, most of a take-over's
// garbage collection was for those.
//
//   F1. One that is near is scheduled, to the millisecond that it was due at; nothing comes early.
//   F2. Whether it still waits is asked then: nobody has to cancel what stays here.
//   F3. What cannot be read stays, and is asked for again. The journal has it, whatever becomes of this process.
//   F4. Setting the clock changes no wait.

export type FarTimers = {
  /** False: it is near, and the caller's to schedule. */
  keep(timer: Timer, place: JournalPlace): boolean;
  /** Schedules nothing any more. Resolves when what is under way has ended. */
  close(): Promise<void>;
};

const lookEveryMs = 1_000;
/** Several looks, for one that fails and for many that have to be read. */
const nearMsDefault = 5_000;
/** How much is due together, and forgotten together. */
const widthMs = 1_000;
const pageSize = 500;
/** Of a timer, one behind the other in a list of numbers: seq, position, and when it is due in elapsed time. */
const numbersOfTimer = 3;

export function createFarTimers(ports: {
  readonly clock: Clock;
  readonly journal: Pick<Journal, "waiting">;
  readonly timers: Pick<Timers, "schedule">;
  readonly reporter: Pick<Reporter, "notice">;
  /** How long before it is due a timer is read. Default 5 000. */
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
    // Up, as the two clocks do not change to the next millisecond together.
    for (const [index, timer] of found.entries())
      if (timer !== null)
        timers.schedule({ ...timer, dueAtMs: Math.ceil((dueAt[index] ?? 0) + aheadMs) });
  };
  /** One that fails keeps what was not read. */
  const empty = async (key: number, bucket: number[]): Promise<void> => {
    while (bucket.length > 0 && !closing.signal.aborted) {
      const size = Math.min(bucket.length, pageSize * numbersOfTimer);
      await bring(bucket.slice(0, size));
      bucket.splice(0, size);
      await clock.sleep(0, closing.signal).catch(() => undefined); // others have their turn
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
