import type { Clock } from "../../pipeline/ports.ts";
import { createHeap } from "./heap.ts";

export type Scheduled = { cancel(): void };
/** Things to do later, with one sleep of the clock for all of them. */
export type Schedule = {
  /** Runs `action` at `dueAtMs` or soon after; those due at one time run in the order they came. */
  at(dueAtMs: number, action: () => void): Scheduled;
  /** Forgets everything; nothing runs afterwards and nothing keeps the process alive. */
  close(): void;
};

type Item = { dueAtMs: number; order: number; action: (() => void) | null };

/** Below this many cancelled items it is not worth looking for them. */
const compactAbove = 64;

export function createSchedule(clock: Clock): Schedule {
  const items = createHeap<Item>((a, b) =>
    a.dueAtMs === b.dueAtMs ? a.order < b.order : a.dueAtMs < b.dueAtMs,
  );
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
    clock.sleep(dueAtMs - clock.nowMs(), abort.signal).then(
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
    const nowMs = clock.nowMs();
    for (
      let item = items.peek();
      item !== undefined && item.dueAtMs <= nowMs;
      item = items.peek()
    ) {
      items.pop();
      if (item.action === null) cancelled -= 1;
      else take(item)?.();
    }
    arm();
  };
  const cancel = (item: Item) => {
    if (take(item) === null) return;
    cancelled += 1;
    if (cancelled > compactAbove && cancelled * 2 > items.size()) {
      items.retain((one) => one.action !== null);
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
    at(dueAtMs, action) {
      const item: Item = { dueAtMs, order: order++, action };
      if (isClosed) return { cancel() {} };
      items.push(item);
      arm();
      return { cancel: () => cancel(item) };
    },
    close() {
      isClosed = true;
      items.retain(() => false);
      arm();
    },
  };
}

/** An item runs or is cancelled once; afterwards it holds nothing that its action referred to. */
function take(item: Item): (() => void) | null {
  const action = item.action;
  item.action = null;
  return action;
}
