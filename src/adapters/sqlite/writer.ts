import { TuError } from "../../pipeline/errors.ts";
import type { Database } from "./database.ts";
import { realTurns } from "./turns.ts";

/** Group commit: many writes share one transaction and one fsync. */
export type Writer = {
  /**
   * Runs `body` in the next commit and resolves with its value when that is on the disk. `body` may
   * not await, and makes one change: when it throws, its neighbours go on. `afterCommit` runs before anything else can look at the file.
   */
  write<T>(body: () => T, afterCommit?: (value: T) => void): Promise<T>;
  /** Commits what is waiting now. */
  flush(): void;
};

type Write = {
  /** Gives what is to happen after the commit. */
  readonly attempt: () => () => void;
  readonly fail: (error: unknown) => void;
};

/** More at once would make the first caller wait for the last. */
const commitSizeMax = 1024;

/**
 * Writes collect until the event loop has taken in all that was ready. A file that cannot be
 * written fails all writes of a commit, and none of them has happened.
 */
export function createWriter(database: Database, turns = realTurns): Writer {
  let waiting: Write[] = [];
  let isScheduled = false;

  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    turns.next(() => {
      isScheduled = false;
      commitSome();
      if (waiting.length > 0) schedule();
    });
  };
  const commitSome = () => {
    const writes = waiting.slice(0, commitSizeMax);
    waiting = waiting.slice(commitSizeMax);
    if (writes.length > 0) commit(database, writes);
  };
  return {
    write: (body, afterCommit) =>
      new Promise((resolve, reject) => {
        const attempt = () => {
          const value = body();
          return () => {
            afterCommit?.(value);
            resolve(value);
          };
        };
        waiting.push({ attempt, fail: reject });
        schedule();
      }),
    flush() {
      while (waiting.length > 0) commitSome();
    },
  };
}

function commit(database: Database, writes: readonly Write[]): void {
  let settle: readonly (() => void)[];
  try {
    settle = database.transaction(() => writes.map(attemptOne));
  } catch (error) {
    for (const { fail } of writes) fail(error);
    return;
  }
  for (const one of settle) one();
}

function attemptOne({ attempt, fail }: Write): () => void {
  try {
    return attempt();
  } catch (error) {
    // The file is the problem: the neighbours cannot be written either.
    if (error instanceof TuError && error.code.startsWith("E_STATE_")) throw error;
    return () => fail(error);
  }
}
