import type { FlowRecord } from "../../pipeline/ports/journal.ts";
import type { Database } from "./database.ts";
import type { Turns } from "./turns.ts";

// The last records of flows in progress, so that the next message of a flow needs neither a query nor a parse.
//
//   1. It holds what this process has written, committed or not: a rollback must clear it. It holds nothing of flows
//      that have ended.
//   2. Once another process has written anything, the whole cache is out of date. This is checked once per turn of
//      the event loop, so an answer is never older than that.
//   3. A sequence stays valid when the rest is out of date: entries of a flow in progress are never removed. The
//      next sequence therefore leaves no gap; the unique index detects whether another process has taken it.

const flowsMax = 4096;

export type FlowCache = {
  get(consumer: string, flowId: string): FlowRecord | undefined;
  /** The sequence of the last record known here, even if it is out of date. */
  sequence(consumer: string, flowId: string): number | undefined;
  /** Adds a record that is the last of its flow in the file. */
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
