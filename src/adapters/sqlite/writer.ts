import { TuError } from "../../pipeline/errors.ts";
import type { Database } from "./database.ts";
import { createOpenTransaction } from "./open-transaction.ts";
import { realTurns } from "./turns.ts";

// Group commit: many changes share one transaction and one fsync.
//
//   W1. A write is part of the next commit, and is reported after it. If the file cannot be written, the write has
//       not happened.
//   W2. An accepted change is made at once, in a transaction that is open until the end of the turn: all of this
//       process sees it, no other process does, and later changes follow it in the file. A crash loses what is not
//       committed, from the end.
//   W3. If a commit fails, its accepted changes are made again, in order and before anything else, until that
//       succeeds. Meanwhile nothing is accepted, and no write succeeds.

export type Writer = {
  /**
   * Runs `body` in the next commit and resolves with its value once that is on disk. `body` must not await, and
   * makes one change: if it throws, its neighbours continue. `afterCommit` runs before anything else can read the
   * file.
   */
  write<T>(body: () => T, afterCommit?: (value: T) => void): Promise<T>;
  /**
   * Runs `body` now, or in a later turn if this one has accepted enough, and resolves before it is on disk. It may
   * run again, which must have the same outcome. Rejects with what it throws, and with the error of a failed commit.
   */
  accept<T>(body: () => T, afterCommit?: (value: T) => void): Promise<T>;
  /** Resolves when everything accepted is on disk; rejects when a commit of it fails, which is retried. */
  durable(): Promise<void>;
  /** Commits what is waiting now. Throws if accepted changes could not be committed. */
  flush(): void;
  /** Does not retry commits on its own. */
  stop(): void;
};

type Write = {
  /** Returns what to do after the commit. */
  readonly attempt: () => () => void;
  readonly fail: (error: unknown) => void;
};

/** With more, the first caller would wait for the last. */
const commitSizeMax = 1024;

/** Writes accumulate until the event loop has processed everything that was ready. */
export function createWriter(
  database: Pick<Database, "begin" | "commit" | "rollback">,
  turns = realTurns,
): Writer {
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
  const transaction = createOpenTransaction({ database, turns, schedule, isOfFile });
  /** Returns the error it failed with. */
  const commitSome = (): { readonly error: unknown } | null => {
    const writes = waiting.slice(0, commitSizeMax);
    waiting = waiting.slice(commitSizeMax);
    let settle: readonly (() => void)[] = [];
    try {
      const write = () => {
        settle = writes.map(attemptOne);
      };
      transaction.commit(writes.length === 0 ? null : write);
    } catch (error) {
      for (const { fail } of writes) fail(error);
      return { error };
    }
    for (const one of settle) one();
    return null;
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
    async accept<T>(body: () => T, afterCommit?: (value: T) => void) {
      while (transaction.isFull()) await transaction.room();
      const values: T[] = [];
      transaction.accept(() => {
        const value = body();
        values.push(value);
        return () => afterCommit?.(value);
      });
      return values[0] as T; // it has run
    },
    durable: transaction.durable,
    flush() {
      while (waiting.length > 0 || transaction.isOwed()) {
        const failure = commitSome();
        if (failure !== null && transaction.isOwed()) throw failure.error;
      }
    },
    stop: transaction.stop,
  };
}

function attemptOne({ attempt, fail }: Write): () => void {
  try {
    return attempt();
  } catch (error) {
    if (isOfFile(error)) throw error;
    return () => fail(error);
  }
}

/** The file is the problem: the neighbours cannot be written either. */
const isOfFile = (error: unknown) => error instanceof TuError && error.code.startsWith("E_STATE_");
