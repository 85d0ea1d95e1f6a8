import type { Random, Scheduler } from "./scheduler.ts";

// The clock on the wall, by which everybody tells the time, and which somebody sets now and then: far enough
// ahead that a URL has expired and a timer is due, or back. What runs by itself goes on as before.

const aheadMaxMs = 20 * 60_000;
const backMaxMs = 60_000;

export type Ahead = { readonly atMs: number; readonly byMs: number };
export type Wall = {
  nowMs(): number;
  set(): void;
  /** Whenever it was set ahead, and by how much. */
  readonly ahead: readonly Ahead[];
};

export function createWall(scheduler: Scheduler, random: Random): Wall {
  let offMs = 0;
  const ahead: Ahead[] = [];
  return {
    nowMs: () => Math.floor(scheduler.nowMs() + offMs),
    set() {
      const isAhead = random() < 0.6;
      const byMs = random() ** 2 * (isAhead ? aheadMaxMs : -backMaxMs);
      offMs += byMs;
      if (isAhead) ahead.push({ atMs: scheduler.nowMs(), byMs });
    },
    ahead,
  };
}
