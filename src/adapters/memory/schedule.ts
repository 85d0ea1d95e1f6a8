import type { Clock } from "../../pipeline/ports/clock.ts";
import { createHeap } from "./heap.ts";

/** The heap item itself: things that wait in great numbers take one object each. */
export type Scheduled<T> = {
  /** In steady time. */
  readonly dueAtMs: number;
  readonly order: number;
  /** Null once cancelled: the item may stay in the heap for a while, but references nothing there. */
  value: T | null;
  isWaiting: boolean;
};
/** Delayed actions that share a single sleep of the clock. */
export type Schedule<T> = {
  /**
   * Delivers `value` at `dueAtMs` or soon after; values due at the same time are delivered in order. Setting the
   * clock meanwhile changes nothing: the wait lasts as long as it would have.
   */
  at(dueAtMs: number, value: T): Scheduled<T>;
  /** No effect on items already delivered or cancelled. */
  cancel(item: Scheduled<T>): void;
  /** Discards everything; nothing is delivered afterwards and nothing keeps the process alive. */
  close(): void;
};

/** A smaller adjustment of the clock cannot be distinguished from normal drift. */
const jumpFromMs = 500;

/** Time from a clock that is never set: waits last exactly as long as requested. */
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
    /** Converts a time read from the clock as it is set now. */
    of(toldMs: number): number {
      look();
      return toldMs - jumpedMs;
    },
  };
}

/** With fewer cancelled items, searching for them is not worth it. */
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
        // Aborting the sleep re-arms the schedule; any other failure would stop all of it.
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
    // The last one cancelled must not keep the process waiting for it.
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
