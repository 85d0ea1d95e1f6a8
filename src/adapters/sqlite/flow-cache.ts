import type { FlowRecord } from "../../pipeline/ports/journal.ts";
import type { Database } from "./database.ts";
import type { Turns } from "./turns.ts";

// The last records of flows that are under way, so that the next message of a flow costs neither a
// query nor a parse.
//
//   1. What this process has written is in here, committed or not: whoever rolls it back clears it. Nothing of
//      a flow that has ended is.
//   2. When another process has written anything, nothing here is believed any more. Whether it has
//      is asked once per turn of the event loop: an answer is never older than that.
//   3. A sequence stays true when the rest is out of date: entries of a flow under way are never
//      removed. What follows it therefore leaves no gap; that nobody took its place is for the unique index to say.

const flowsMax = 4096;

export type FlowCache = {
  get(consumer: string, flowId: string): FlowRecord | undefined;
  /** The sequence of the last record that was known here, be it out of date. */
  sequence(consumer: string, flowId: string): number | undefined;
  /** Takes a record that is the last one of its flow in the file. */
  set(consumer: string, flowId: string, record: FlowRecord): void;
  drop(consumer: string, flowId: string): void;
  clear(): void;
};

export function createFlowCache(database: Database, turns: Turns): FlowCache {
  const records = new Map<string, FlowRecord>();
  const dataVersion = database.prepare("PRAGMA data_version");
  let seenVersion: unknown;
  let isChecked = false;

  const check = () => {
    if (isChecked) return;
    // Changes when another connection has written (https://sqlite.org/pragma.html#pragma_data_version).
    const version = dataVersion.first([])?.["data_version"];
    if (version !== seenVersion) records.clear();
    seenVersion = version;
    isChecked = true;
    turns.next(() => {
      isChecked = false;
    });
  };
  return {
    get(consumer, flowId) {
      check();
      return records.get(keyOf(consumer, flowId));
    },
    sequence: (consumer, flowId) => records.get(keyOf(consumer, flowId))?.sequence,
    set(consumer, flowId, record) {
      const key = keyOf(consumer, flowId);
      records.delete(key); // to the end of the line
      if (record.ended) return;
      records.set(key, record);
      if (records.size <= flowsMax) return;
      for (const oldest of records.keys()) {
        records.delete(oldest);
        return;
      }
    },
    drop: (consumer, flowId) => void records.delete(keyOf(consumer, flowId)),
    clear: () => records.clear(),
  };
}

const keyOf = (consumer: string, flowId: string) => `${consumer}\u0000${flowId}`;
