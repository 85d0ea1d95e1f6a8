import { describeError } from "../errors.ts";
import type { Once } from "../once.ts";
import type { Clock } from "../ports/clock.ts";
import type { FlowStore, SeenPart } from "../ports/flow-store.ts";
import type { Reporter } from "../ports/reporter.ts";
import { joined, type Observing, seenHop, seenNotice } from "../trace/seen.ts";

// Keeps what is reported of flows, in batches, beside the pipeline's work.
//
//   S1. Nothing waits for the store, and nothing fails with it.
//   S2. What could not be written is tried again with what comes later, and a notice says so. Beyond `waitingMax`
//       the oldest is dropped.
//   S3. A crash loses what was seen in the last `everyMs`.

export type SeenKeeper = {
  readonly reporter: Reporter;
  /** Writes what is left. */
  close(): Promise<void>;
};

const everyMs = 100;
const againMs = 5_000;
const waitingMax = 20_000;

export function createSeenKeeper(ports: {
  /** Opened with the first hop. */
  readonly store: Once<Pick<FlowStore, "add">>;
  readonly observing: Observing;
  readonly clock: Clock;
  readonly next: Reporter;
}): SeenKeeper {
  const { clock, next, observing, store } = ports;
  let waiting = createWaiting();
  let isToldOfTrouble = false;
  let writing: Promise<void> | null = null;
  const closing = new AbortController();

  const take = (part: SeenPart): void => {
    waiting.add(part);
    writing ??= write();
  };
  const write = async (): Promise<void> => {
    const pauseMs = isToldOfTrouble ? againMs : everyMs;
    await clock.sleep(pauseMs, closing.signal).catch(() => undefined); // closing: at once
    const parts = waiting.all();
    waiting = createWaiting();
    try {
      await (await store.get()).add(parts);
      isToldOfTrouble = false;
    } catch (error) {
      const later = waiting.all();
      waiting = createWaiting();
      for (const part of [...parts, ...later]) waiting.add(part);
      waiting.bound();
      tell(error);
    }
    writing = waiting.all().length > 0 && !closing.signal.aborted ? write() : null;
  };
  const tell = (error: unknown): void => {
    if (isToldOfTrouble) return;
    isToldOfTrouble = true;
    const { code, reason } = describeError(error);
    const message = `what is seen of flows cannot be kept: ${reason}`;
    next.notice({ code, message, flowId: null });
  };
  return {
    reporter: {
      hop(hop, carried) {
        next.hop(hop, carried);
        take(seenHop(hop, carried, observing));
      },
      notice(notice) {
        next.notice(notice);
        const { flowId } = notice;
        const atMs = clock.nowMs();
        if (flowId !== null) take(seenNotice({ ...notice, flowId, atMs }, observing));
      },
    },
    async close() {
      closing.abort();
      await writing;
      if (waiting.all().length > 0) await write();
    },
  };
}

/** Parts by flow, in the order in which their flows were first seen. */
function createWaiting() {
  const parts = new Map<string, SeenPart>();
  let size = 0;
  return {
    add(part: SeenPart): void {
      const { flowId } = part.about;
      const before = parts.get(flowId);
      parts.set(flowId, before === undefined ? part : joined(before, part));
      size += part.seen.length;
    },
    all: (): readonly SeenPart[] => [...parts.values()],
    bound(): void {
      for (const [flowId, { seen }] of parts) {
        if (size <= waitingMax) return;
        parts.delete(flowId);
        size -= seen.length;
      }
    },
  };
}
