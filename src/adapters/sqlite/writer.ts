import { TuError } from "../../pipeline/errors.ts";
import type { Database } from "./database.ts";
import { createOpenTransaction } from "./open-transaction.ts";
import { realTurns } from "./turns.ts";

// Group commit: many changes share one transaction and one fsync.
//
//   W1. A write happens in the next commit, and is told behind it. When the file cannot be written, it has
//       not happened.
//   W2. What is accepted happens at once, in a transaction that is open until the end of the turn: all of this
//       process see it, nobody else does, and whatever comes later is behind it in the file. A crash takes what
//       is not committed, from the end.
//   W3. Of a commit that fails, what was accepted is made again, in its order and before anything else, until
//       that succeeds. Meanwhile nothing is accepted, and no write succeeds.

export type Writer = {
  /**
   * Runs `body` in the next commit and resolves with its value when that is on the disk. `body` may
   * not await, and makes one change: when it throws, its neighbours go on. `afterCommit` runs before anything else can look at the file.
   */
  write<T>(body: () => T, afterCommit?: (value: T) => void): Promise<T>;
  /**
   * Runs `body` now, or in a later turn when this one has taken enough, and resolves before it is on the disk.
   * It may run again, which must come to the same. Rejects with what it throws, and with what a commit failed with.
   */
  accept<T>(body: () => T, afterCommit?: (value: T) => void): Promise<T>;
  /** Resolves when all that was accepted is on the disk; rejects when a commit of it fails, which is tried again. */
  durable(): Promise<void>;
  /** Commits what is waiting now. Throws when what was accepted could not be committed. */
  flush(): void;
  /** Does not retry commits on its own. */
  stop(): void;
};

type Write = {
  /** Gives what is to happen after the commit. */
  readonly attempt: () => () => void;
  readonly fail: (error: unknown) => void;
};

/** With more, the first caller would wait for the last. */
const commitSizeMax = 1024;

/** Writes collect until the event loop has taken in all that was ready. */
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
  /** Gives what it failed with. */
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
