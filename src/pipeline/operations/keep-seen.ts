import { combined, type SeenFlow } from "../domain/seen-flow.ts";
import { describeError } from "../errors.ts";
import type { Once } from "../once.ts";
import type { Clock } from "../ports/clock.ts";
import type { FlowStore, Seen, SeenPart } from "../ports/flow-store.ts";
import type { Reporter } from "../ports/reporter.ts";
import { type Observing, seenHop, seenNotice } from "../trace/seen.ts";

// Keeps what is reported of flows, in batches, beside the pipeline's work.
//
//   S1. Nothing waits for the store, and nothing fails with it.
//   S2. What could not be written is tried again with what comes later, and a notice says so. Beyond `waitingMax`
//       the oldest is dropped.
//   S3. A crash loses what was seen in the last `everyMs`.

export type SeenKeeper = {
  readonly reporter: Reporter;
  /** Resolves when what was reported so far is written, or could not be. */
  flush(): Promise<void>;
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
  let isClosing = false;
  let writing: Promise<void> | null = null;
  let hurry = new AbortController();

  const take = (part: SeenPart): void => {
    waiting.add(part);
    writing ??= write();
  };
  const write = async (): Promise<void> => {
    hurry = new AbortController();
    const pauseMs = isToldOfTrouble ? againMs : everyMs;
    if (!isClosing) await clock.sleep(pauseMs, hurry.signal).catch(() => undefined); // wanted now
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
    writing = waiting.isEmpty() || isClosing ? null : write();
  };
  const writeNow = async (): Promise<void> => {
    const running = writing;
    hurry.abort();
    await running;
  };
  /** What came while a batch was being written is in the next one. */
  const flush = async (): Promise<void> => {
    await writeNow();
    await writeNow();
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
    flush,
    async close() {
      isClosing = true;
      await flush();
      if (!waiting.isEmpty()) await write();
    },
  };
}

/** Parts by flow, in the order in which their flows were first seen. */
function createWaiting() {
  const parts = new Map<string, { about: SeenFlow; readonly seen: Seen[] }>();
  let size = 0;
  return {
    add({ about, seen }: SeenPart): void {
      const known = parts.get(about.flowId);
      if (known === undefined) parts.set(about.flowId, { about, seen: [...seen] });
      else {
        known.about = combined(known.about, about);
        known.seen.push(...seen);
      }
      size += seen.length;
    },
    isEmpty: () => parts.size === 0,
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
