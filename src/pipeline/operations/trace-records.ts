import { orAborted } from "../or-aborted.ts";
import type { Clock } from "../ports/clock.ts";
import { type FlowStore, type Seen, type SeenPlace, seenAtMs } from "../ports/flow-store.ts";
import type { TraceNotice, TraceRecord } from "../reports/records.ts";
import type { Filter } from "../trace/filter.ts";
import { filtered, recordOf } from "../trace/records.ts";

// Everything that was seen in a period, flow by flow or all together: what is kept, and then what is added.

export type RecordQuery = {
  /** In milliseconds since the epoch; the end is not part of it. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Null: of any flow. */
  readonly flowId: string | null;
  readonly where: Filter;
  /** Goes on with what is added, until it is aborted. */
  readonly isFollowed: boolean;
  /** Ends after so many; null: no limit. */
  readonly most: number | null;
  /** Ends when nothing came for so long; null: never. */
  readonly idleMs: number | null;
};
export type AnyRecord = TraceRecord | TraceNotice;

const pageSize = 500;
const lookEveryMs = 100;

/**
 * Calls `onRecord` for each record: those that are kept in the order of time, the others as they come. Resolves when
 * there are no more, or with the first of the conditions of the query; throws the signal's reason.
 */
export async function eachRecord(
  query: RecordQuery,
  ports: {
    readonly store: Pick<FlowStore, "added" | "end">;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
  onRecord: (record: AnyRecord) => void | Promise<void>,
): Promise<void> {
  const { clock, signal, store } = ports;
  let count = 0;
  let lastMs = clock.nowMs();
  const isFull = () => query.most !== null && count >= query.most;
  const tell = async (records: readonly Seen[]): Promise<void> => {
    for (const seen of records) {
      const record = recordOf(seen);
      if (isFull() || !query.where(filtered(record))) continue;
      count += 1;
      lastMs = clock.nowMs();
      await onRecord(record);
    }
  };
  const kept: Seen[] = [];
  let place = await eachAdded(0, query, ports, (seen) => void kept.push(...seen));
  await tell(kept.toSorted((a, b) => seenAtMs(a) - seenAtMs(b)));
  while (query.isFollowed && !isFull()) {
    const isOver = clock.nowMs() >= query.untilMs;
    const isIdle = query.idleMs !== null && clock.nowMs() - lastMs >= query.idleMs;
    if (isOver || isIdle) return;
    await orAborted(clock.sleep(lookEveryMs, signal), signal);
    const fresh: Seen[] = [];
    place = await eachAdded(place, query, { store, signal }, (seen) => void fresh.push(...seen));
    await tell(fresh);
  }
}

/** Returns the place after the last one. */
async function eachAdded(
  from: SeenPlace,
  { flowId, sinceMs, untilMs }: RecordQuery,
  { signal, store }: { readonly store: Pick<FlowStore, "added">; readonly signal: AbortSignal },
  onSeen: (seen: readonly Seen[]) => void,
): Promise<SeenPlace> {
  let after = from;
  for (;;) {
    signal.throwIfAborted();
    const page = await store.added({ after, sinceMs: Math.max(0, sinceMs), limit: pageSize });
    for (const { about, seen } of page)
      if (flowId === null || about.flowId === flowId)
        onSeen(seen.filter((one) => seenAtMs(one) >= sinceMs && seenAtMs(one) < untilMs));
    after = page.at(-1)?.place ?? after;
    if (page.length < pageSize) return after;
  }
}
