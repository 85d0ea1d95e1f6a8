import type { Database } from "./database.ts";

/**
 * Follows an append-only table, so that frequent queries are answered from memory: `catchUp` applies the rows that
 * this process and others added since the last call. Never call it inside a transaction: its rows may be rolled
 * back.
 */
export type Follower = {
  catchUp(): void;
  /** Rows up to this one are known. */
  startAfter(seq: number): void;
  /** Call when this process added a row; SQLite itself reports only other connections' writes. */
  added(): void;
};

export function createFollower<Row extends { readonly seq: number }>(options: {
  readonly database: Database;
  /** Rows after `seq`, in order. */
  readonly rowsAfter: (seq: number) => readonly Row[];
  readonly apply: (row: Row) => void;
}): Follower {
  const { database, rowsAfter, apply } = options;
  let last = 0;
  let seenVersion: number | null = null;
  let hasAdded = false;
  return {
    catchUp() {
      // Changes when another connection has written (https://sqlite.org/pragma.html#pragma_data_version).
      const version = database.pragma("data_version");
      if (version === seenVersion && !hasAdded) return;
      for (const row of rowsAfter(last)) {
        apply(row);
        last = row.seq;
      }
      seenVersion = version;
      hasAdded = false;
    },
    startAfter(seq) {
      last = seq;
    },
    added() {
      hasAdded = true;
    },
  };
}
