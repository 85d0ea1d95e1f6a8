import type { Random, Scheduler } from "./scheduler.ts";

// The clock on the wall, by which everybody tells the time, and which somebody sets now and then: far enough
// ahead that a URL has expired and a timer is due, or back. What runs by itself goes on as before.

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
