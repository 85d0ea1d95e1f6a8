import type { Clock } from "../../pipeline/ports/clock.ts";

/** setTimeout fires immediately beyond this, so longer waits are split. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The clock on the wall, and one that does not jump with it. A sleep keeps the process alive until it ends or is aborted. */
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
   * Moves the time and wakes whoever is due, in the order of their times; resolves when those that
   * were woken, and what they started in microtasks, have run.
   */
  advance(ms: number): Promise<void>;
  /** When the next sleeper is due; null without sleepers. */
  nextDueMs(): number | null;
  /** The wall clock is set: no time passes. */
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

/** One turn of the event loop comes after every microtask that is already waiting. */
const settleMicrotasks = () => new Promise<void>((resolve) => setImmediate(resolve));
