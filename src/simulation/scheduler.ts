// Virtual time, and the only source of order in a simulated run: one seed, one run.
//
//   S1. Every await in the simulated world is a step here; steps are resolved one at a time, and all consequences
//       of one have come to rest before the next.
//   S2. Steps of a dead process are never resolved, as after a power failure.

import { createHeap } from "../adapters/memory/heap.ts";

/** Pseudo-random numbers in [0, 1), determined by the seed alone (mulberry32). */
export type Random = () => number;

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The owner of a step. `alive` false: its steps are dropped. */
export type Life = { alive: boolean };

export type Scheduler = {
  nowMs(): number;
  /** Resolves after `ms` of virtual time, unless its owner has died by then. */
  after(life: Life, ms: number): Promise<void>;
  /** Runs steps in the order of virtual time until none is left, `untilMs` is reached or the run is at rest. */
  run(untilMs: number, onStep: () => { readonly isAtRest: boolean }): Promise<void>;
  readonly steps: number;
};

type Task = { readonly atMs: number; readonly order: number; readonly life: Life; resolve(): void };

export function createScheduler(startMs: number): Scheduler {
  const tasks = createHeap(isBefore);
  let now = startMs;
  let order = 0;
  let steps = 0;
  return {
    nowMs: () => now,
    after(life, ms) {
      order += 1;
      const atMs = now + ms;
      return new Promise((resolve) => tasks.push({ atMs, order, life, resolve }));
    },
    async run(untilMs, onStep) {
      await realTurn();
      for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
        now = Math.min(task.atMs, untilMs);
        if (task.atMs > untilMs) return;
        if (!task.life.alive) continue;
        steps += 1;
        task.resolve();
        await rest();
        if (onStep().isAtRest) return;
      }
    },
    get steps() {
      return steps;
    },
  };
}

/**
 * Resolves once every promise that can proceed has done so: a tick requested among promises runs after the last of
 * them. A turn of the event loop would guarantee the same, but takes longer.
 */
function rest(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Lets signals and other real events through. */
function realTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
