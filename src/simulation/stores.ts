import { TuError } from "../pipeline/errors.ts";
import { io, type Nature, pause } from "./faults.ts";
import type { Life } from "./scheduler.ts";

// Stores on one disk, which is slow, locked by another process, or full. A failed call may still have had its
// effect: it can fail before or after.

const reads: readonly string[] = [
  ...["find", "flow", "history", "waiting", "get", "stat", "list", "all"],
  ...["findByPrefix", "findByObjectKey"],
];

export type Access = {
  /** Synchronous methods, which do not access the disk. */
  readonly atOnce?: readonly string[];
  /** Methods that guarantee to have done nothing when they reject. */
  readonly allOrNothing?: readonly string[];
};

/** Every call takes time and may fail, and the power can fail before and after it. */
export function onDisk<S extends object>(
  store: S,
  { life, nature }: { readonly nature: Nature; readonly life: Life },
  { allOrNothing = [], atOnce = [] }: Access = {},
): S {
  const methods = Object.entries(store).map(([name, method]) => {
    if (typeof method !== "function" || atOnce.includes(name)) return [name, method];
    const call = (...args: unknown[]) => {
      const effect = () => method(...args) as unknown;
      return disk(nature, life, effect, {
        isRead: reads.includes(name),
        isAllOrNothing: allOrNothing.includes(name),
      });
    };
    return [name, call];
  });
  // The same methods with the same types, each delayed by the disk.
  return Object.fromEntries(methods) as S;
}

async function disk<T>(
  nature: Nature,
  life: Life,
  effect: () => T | Promise<T>,
  { isAllOrNothing, isRead }: { readonly isAllOrNothing: boolean; readonly isRead: boolean },
): Promise<T> {
  const { ledger, random, weather } = nature;
  const fail = (code: "E_STATE_BUSY" | "E_STATE_FULL") => {
    ledger.note("store");
    throw new TuError(code, "the simulated disk is in trouble");
  };
  const beInTrouble = () => {
    if (weather().isFull && !isRead) fail("E_STATE_FULL");
    if (random() < weather().storeBusy) fail("E_STATE_BUSY");
  };
  return io(nature, life, async () => {
    if (random() < weather().storeSlow) {
      ledger.note("store");
      for (let times = 0; times < 5; times += 1) await pause(nature, life);
    }
    beInTrouble();
    const result = await effect();
    if (!isAllOrNothing) beInTrouble();
    return result;
  });
}
