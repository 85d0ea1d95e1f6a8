import type { Clock } from "../../pipeline/ports/clock.ts";
import { createHeap } from "./heap.ts";

/** Itself in the heap: of what waits in great numbers there is one object each. */
export type Scheduled<T> = {
  /** In steady time. */
  readonly dueAtMs: number;
  readonly order: number;
  /** Null when it was cancelled: it may stay in the heap for a while, and holds nothing there. */
  value: T | null;
  isWaiting: boolean;
};
/** Things to come back to later, with one sleep of the clock for all of them. */
export type Schedule<T> = {
  /**
   * Hands `value` over at `dueAtMs` or soon after; those due at one time come in their order. Setting the
   * clock meanwhile changes nothing: it waits as long as it was to.
   */
  at(dueAtMs: number, value: T): Scheduled<T>;
  /** Changes nothing for what was handed over or cancelled before. */
  cancel(item: Scheduled<T>): void;
  /** Forgets everything; nothing comes afterwards and nothing keeps the process alive. */
  close(): void;
};

/** What the clock is set by less than this is not told from how it runs. */
const jumpFromMs = 500;

/** Time by a clock that is never set: waits here last exactly as long as requested. */
function createSteadyTime(clock: Clock) {
  const elapsedMs = () => clock.elapsedMs?.() ?? clock.nowMs();
  let aheadMs = clock.nowMs() - elapsedMs();
  let jumpedMs = 0;
  const look = () => {
    const nowMs = clock.nowMs();
    const movedMs = nowMs - elapsedMs() - aheadMs;
    aheadMs += movedMs;
    if (Math.abs(movedMs) >= jumpFromMs) jumpedMs += movedMs;
    return nowMs;
  };
  return {
    nowMs: () => look() - jumpedMs,
    /** Of a time that was told by the clock as it stands now. */
    of(toldMs: number): number {
      look();
      return toldMs - jumpedMs;
    },
  };
}

/** Below this many cancelled items it is not worth looking for them. */
const compactAbove = 64;

export function createSchedule<T>(clock: Clock, onDue: (value: T) => void): Schedule<T> {
  const items = createHeap<Scheduled<T>>((a, b) =>
    a.dueAtMs === b.dueAtMs ? a.order < b.order : a.dueAtMs < b.dueAtMs,
  );
  const time = createSteadyTime(clock);
  let armed: { readonly dueAtMs: number; readonly abort: AbortController } | null = null;
  let order = 0;
  let cancelled = 0;
  let isClosed = false;

  const arm = () => {
    const dueAtMs = items.peek()?.dueAtMs;
    if (armed !== null && armed.dueAtMs === dueAtMs) return;
    armed?.abort.abort();
    armed = null;
    if (dueAtMs === undefined || isClosed) return;
    const abort = new AbortController();
    armed = { dueAtMs, abort };
    clock.sleep(dueAtMs - time.nowMs(), abort.signal).then(
      () => {
        if (abort.signal.aborted) return;
        armed = null;
        runDue();
      },
      (reason: unknown) => {
        // An aborted sleep is how the schedule is re-armed; any other end would stop all of it.
        if (!abort.signal.aborted) throw reason;
      },
    );
  };
  const runDue = () => {
    const nowMs = time.nowMs();
    for (
      let item = items.peek();
      item !== undefined && item.dueAtMs <= nowMs;
      item = items.peek()
    ) {
      items.pop();
      item.isWaiting = false;
      if (item.value === null) cancelled -= 1;
      else onDue(item.value);
    }
    arm();
  };
  const cancel = (item: Scheduled<T>) => {
    if (!item.isWaiting) return;
    item.isWaiting = false;
    item.value = null;
    cancelled += 1;
    if (cancelled > compactAbove && cancelled * 2 > items.size()) {
      items.retain((one) => one.value !== null);
      cancelled = 0;
    }
    // The last one gone must not keep the process waiting for it.
    if (cancelled === items.size()) {
      items.retain(() => false);
      cancelled = 0;
    }
    arm();
  };
  return {
    at(dueAtMs, value) {
      const item: Scheduled<T> = {
        ...{ dueAtMs: time.of(dueAtMs), order: order++, value, isWaiting: !isClosed },
      };
      if (isClosed) return item;
      items.push(item);
      arm();
      return item;
    },
    cancel,
    close() {
      isClosed = true;
      items.retain(() => false);
      arm();
    },
  };
}
