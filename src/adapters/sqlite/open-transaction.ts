import type { Database } from "./database.ts";
import type { Turns } from "./turns.ts";

/** Makes a change and gives what is to happen behind its commit. It may run again, which comes to the same. */
export type Change = () => () => void;

/** The transaction that is open until the end of a turn, and what it owes to the file. */
export type OpenTransaction = {
  /** Makes it now. Throws what it throws, and what a commit failed with that still has to succeed. */
  accept(change: Change): void;
  /** Whether the event loop has to come between, before more is accepted. */
  isFull(): boolean;
  /** Resolves behind the next commit, be it in vain. */
  room(): Promise<void>;
  /** All that is accepted, and what `write` adds. Throws what that fails with: then nothing is in the file. */
  commit(write: (() => void) | null): void;
  /** Whether anything that was accepted is not on the disk. */
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
  /** Has `commit` called at the end of the turn. */
  readonly schedule: () => void;
  readonly isOfFile: (error: unknown) => boolean;
}): OpenTransaction {
  const { database, isOfFile, schedule, turns } = options;
  /** Not on the disk, in their order. */
  let accepted: Accepted[] = [];
  let isOpen = false;
  /** Of the last commit, while what was accepted waits for another one. */
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
