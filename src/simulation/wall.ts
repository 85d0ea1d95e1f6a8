import type { Random, Scheduler } from "./scheduler.ts";

// The wall clock, which all processes read, and which is set now and then: far enough ahead for a URL to have
// expired and a timer to be due, or back. Elapsed time is unaffected.

const aheadMaxMs = 20 * 60_000;
const backMaxMs = 60_000;

export type Wall = {
  nowMs(): number;
  set(): void;
};

export function createWall(scheduler: Scheduler, random: Random): Wall {
  let offMs = 0;
  return {
    nowMs: () => Math.floor(scheduler.nowMs() + offMs),
    set() {
      const isAhead = random() < 0.6;
      offMs += random() ** 2 * (isAhead ? aheadMaxMs : -backMaxMs);
    },
  };
}
