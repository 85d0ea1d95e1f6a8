import type { Database } from "./database.ts";

/**
 * Follows a table that only grows, so that what is asked often is answered from memory: `catchUp`
 * applies the rows that this process and others added since the last look. Never inside a
 * transaction, whose rows may not stay.
 */
export type Follower = {
  catchUp(): void;
  /** Those up to there are known. */
  startAfter(seq: number): void;
  /** This process added a row; SQLite itself reports rows of other connections. */
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
