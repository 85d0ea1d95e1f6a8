import type { Clock } from "../../pipeline/ports/clock.ts";

/** setTimeout fires immediately beyond this, so longer waits are split. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The wall clock, and a monotonic one beside it. A sleep keeps the process alive until it ends or is aborted. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        let timeout: NodeJS.Timeout;
        const abort = () => {
          clearTimeout(timeout);
          reject(signal?.reason);
        };
        const wait = (leftMs: number) => {
          const pieceMs = Math.min(Math.max(0, Math.ceil(leftMs)), longestTimeoutMs);
          timeout = setTimeout(() => {
            if (leftMs > pieceMs) return wait(leftMs - pieceMs);
            signal?.removeEventListener("abort", abort);
            resolve();
          }, pieceMs);
        };
        signal?.addEventListener("abort", abort, { once: true });
        wait(ms);
      }),
  };
}

export type ManualClock = Clock & {
  /**
   * Advances the time and wakes the sleepers that are due, in the order of their due times; resolves when they, and
   * the microtasks they started, have run.
   */
  advance(ms: number): Promise<void>;
  /** When the next sleeper is due; null if there is none. */
  nextDueMs(): number | null;
  /** Sets the wall clock: no time passes. */
  jump(ms: number): void;
};

type Sleeper = { readonly dueAtMs: number; readonly wake: () => void };

/** A clock that stands still until it is advanced: for tests and for the simulation. */
export function createManualClock(startMs: number): ManualClock {
  let nowMs = startMs;
  let jumpedMs = 0;
  const sleepers = new Set<Sleeper>();
  const next = () => [...sleepers].sort((a, b) => a.dueAtMs - b.dueAtMs)[0];
  return {
    nowMs: () => nowMs + jumpedMs,
    elapsedMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          dueAtMs: nowMs + Math.max(0, ms),
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener("abort", abort);
            resolve();
          },
        };
        signal?.addEventListener("abort", abort, { once: true });
        sleepers.add(sleeper);
      }),
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settleMicrotasks();
      for (let due = next(); due !== undefined && due.dueAtMs <= untilMs; due = next()) {
        nowMs = Math.max(nowMs, due.dueAtMs);
        due.wake();
        await settleMicrotasks();
      }
      nowMs = untilMs;
    },
    nextDueMs: () => next()?.dueAtMs ?? null,
    jump(ms) {
      jumpedMs += ms;
    },
  };
}

/** A turn of the event loop runs after all queued microtasks. */
const settleMicrotasks = () => new Promise<void>((resolve) => setImmediate(resolve));
