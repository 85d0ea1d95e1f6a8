import type { Clock } from "../pipeline/ports/clock.ts";
import type { Nature } from "./faults.ts";
import type { Life } from "./scheduler.ts";

/** The time as seen by a process. */
export function clockOf({ scheduler, wall }: Nature, life: Life): Clock {
  return {
    nowMs: wall.nowMs,
    elapsedMs: scheduler.nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = () => reject(signal?.reason);
        signal?.addEventListener("abort", abort, { once: true });
        void scheduler.after(life, Math.max(0, ms)).then(() => {
          signal?.removeEventListener("abort", abort);
          resolve();
        });
      }),
  };
}

/** Sets the clock during bad weather. */
export function maybeSetClock({ ledger, random, wall, weather }: Nature): void {
  if (random() >= weather().clockSet) return;
  ledger.note("clock");
  wall.set();
}
