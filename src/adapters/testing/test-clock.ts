import type { Clock } from "../../pipeline/ports/clock.ts";

export const startMs = 1_763_800_000_000;

/** A clock that stands still until it is set; nothing sleeps by it. */
export type TestClock = Clock & { set(ms: number): void };

export function createTestClock(): TestClock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    sleep: () => Promise.reject(new Error("nothing here sleeps")),
    set(ms) {
      nowMs = ms;
    },
  };
}
