import type { Database } from "./database.ts";
import type { Turns } from "./turns.ts";

/** Makes a change and returns what to do after its commit. It may run again, with the same outcome. */
export type Change = () => () => void;

/** The transaction that stays open until the end of a turn, and what it still owes the file. */
export type OpenTransaction = {
  /** Makes the change now. Throws what it throws, and the error of a failed commit that has not succeeded since. */
  accept(change: Change): void;
  /** Whether the event loop must run before more is accepted. */
  isFull(): boolean;
  /** Resolves after the next commit, even if it fails. */
  room(): Promise<void>;
  /** Commits everything accepted, and what `write` adds. Throws what that fails with: then nothing is in the file. */
  commit(write: (() => void) | null): void;
  /** Whether anything accepted is not on disk yet. */
  isOwed(): boolean;
  durable(): Promise<void>;
  /** Does not retry commits on its own. */
  stop(): void;
};

const acceptedMax = 128;
const tryAgainMs = 1_000;

type Accepted = { readonly change: Change; readonly behind: () => void };
type Waiting = { readonly resolve: () => void; readonly reject: (error: unknown) => void };

export function createOpenTransaction(options: {
  readonly database: Pick<Database, "begin" | "commit" | "rollback">;
  readonly turns: Turns;
  /** Schedules `commit` for the end of the turn. */
  readonly schedule: () => void;
  readonly isOfFile: (error: unknown) => boolean;
}): OpenTransaction {
  const { database, isOfFile, schedule, turns } = options;
  /** Not on disk yet, in order. */
  let accepted: Accepted[] = [];
  let isOpen = false;
  /** The error of the last commit, while accepted changes wait for another. */
  let failure: { readonly error: unknown } | null = null;
  let listening: Waiting[] = [];
  const forRoom: (() => void)[] = [];
  let stopTrying: (() => void) | null = null;

  const open = () => {
    if (isOpen) return;
    database.begin(tryToCommit);
    isOpen = true;
    accepted = accepted.map(({ change }) => ({ change, behind: change() }));
  };
  const succeed = () => {
    const [done, heard] = [accepted, listening];
    [isOpen, accepted, listening, failure] = [false, [], [], null];
    stopTrying?.();
    stopTrying = null;
    for (const { behind } of done) behind();
    for (const { resolve } of heard) resolve();
  };
  const fail = (error: unknown) => {
    isOpen = false;
    database.rollback();
    const heard = listening;
    listening = [];
    for (const { reject } of heard) reject(error);
    if (accepted.length === 0) return;
    failure = { error };
    stopTrying ??= turns.every(tryAgainMs, tryToCommit);
  };
  const commit = (write: (() => void) | null) => {
    if (!isOpen && accepted.length === 0 && write === null) return;
    try {
      open();
      write?.();
      database.commit();
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      for (const resolve of forRoom.splice(0)) resolve();
    }
    succeed();
  };
  /** Waiters are notified elsewhere. */
  const tryToCommit = () => {
    try {
      commit(null);
    } catch {
      // `fail` keeps it
    }
  };
  return {
    commit,
    accept(change) {
      if (failure !== null) {
        schedule();
        throw failure.error;
      }
      try {
        open();
        schedule();
        accepted.push({ change, behind: change() });
      } catch (error) {
        if (!isOpen || isOfFile(error)) fail(error);
        throw error;
      }
    },
    isFull: () => accepted.length >= acceptedMax && failure === null,
    room: () => new Promise((resolve) => forRoom.push(resolve)),
    isOwed: () => accepted.length > 0,
    durable: () =>
      accepted.length === 0
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            listening.push({ resolve, reject });
            schedule();
          }),
    stop: () => stopTrying?.(),
  };
}
