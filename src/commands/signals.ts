import { TuError } from "../pipeline/errors.ts";
import { leaveLostTerminal, onOutputLost, printDiagnostic } from "./output.ts";

export type Stop = {
  /**
   * Aborted with E_INTERRUPTED or E_TERMINATED by the first signal, with E_DEADLINE when time is up, and with
   * E_OUTPUT.
   */
  readonly signal: AbortSignal;
  /** Waits for the clean-up, but not forever; also stops listening for signals. */
  drain(cleanUp: Promise<void> | undefined): Promise<void>;
};

/** The limit for the whole command, from the start of the process, and as written by the user. */
export type Deadline = { readonly ms: number; readonly text: string };

/** What a stopped command reports about its work. */
export type StopWords = {
  /** What happens now. */
  readonly now: string;
  /** What happens to unfinished work, if that is the same for everything. */
  readonly rest?: string;
  readonly hint?: string;
};
const drainMs = 10_000;
/** How long a finished process may take to exit on its own. */
const blockedMs = 1000;
/** Time left for the clean-up after the deadline. Anything it does not finish is as after a crash: recorded. */
const graceMs = 250;
/** setTimeout fires immediately beyond this. */
const longestMs = 2 ** 31 - 1;

/** How a signal ends a command. A hang-up is a form of termination: it has no exit code of its own. */
const ends = {
  SIGINT: { code: "E_INTERRUPTED", word: "interrupted", by: "SIGINT" },
  SIGTERM: { code: "E_TERMINATED", word: "terminated", by: "SIGTERM" },
  SIGHUP: { code: "E_TERMINATED", word: "terminated", by: "SIGTERM" },
} as const;
type Name = keyof typeof ends;
const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly Name[];

/**
 * The first Ctrl-C, SIGTERM or SIGHUP stops gracefully, and so do the deadline and lost output; a second Ctrl-C or
 * SIGTERM stops at once. The words are requested when the first one arrives.
 */
export function untilSignal(wordsOf: () => StopWords, deadline?: Deadline): Stop {
  const controller = new AbortController();
  const isLate = createDeadline(deadline, controller);
  onOutputLost((error) => controller.abort(error));
  let stoppedBy: Name | undefined;
  let overdue: NodeJS.Timeout | undefined;
  const endNow = () => {
    release();
    leaveLostTerminal();
    process.kill(process.pid, ends[stoppedBy ?? "SIGTERM"].by);
  };
  const limit = () => {
    overdue ??= setTimeout(() => {
      printDiagnostic("still busy after 10 s; stopping now");
      endNow();
    }, drainMs);
  };
  const onSignal = (name: Name) => {
    if (stoppedBy !== undefined) return; // a terminal that closes hangs up more than once
    stoppedBy = name;
    // The next one reaches Node's default handling, which ends the process.
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    limit();
    const { code, word } = ends[name];
    const words = wordsOf();
    // On a terminal the cursor is after a waiting line and the echo of Ctrl-C.
    const start = process.stderr.isTTY ? "\n" : "";
    printDiagnostic(`${start}${word}: ${words.now}; repeat to stop at once`);
    const rest = words.rest === undefined ? "" : `; ${words.rest}`;
    const hint = words.hint === undefined ? {} : { hint: words.hint };
    controller.abort(new TuError(code, `stopped by ${name}${rest}`, hint));
  };
  const release = () => {
    for (const name of names) process.off(name, onSignal);
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    async drain(cleanUp) {
      limit();
      try {
        await isLate.or(cleanUp);
      } finally {
        clearTimeout(overdue);
        // A call blocked in the operating system (a pipe without a writer) would keep it alive.
        if (stoppedBy === undefined) release();
        else setTimeout(endNow, blockedMs).unref();
      }
    },
  };
}

/** Bounds the work by the deadline, and the clean-up by slightly more. */
function createDeadline(deadline: Deadline | undefined, controller: AbortController) {
  if (deadline === undefined) return { or: async (cleanUp?: Promise<void>) => cleanUp };
  const leftMs = (graced: number) =>
    Math.min(longestMs, Math.max(0, deadline.ms + graced - performance.now()));
  const timer = setTimeout(() => controller.abort(late(deadline.text)), leftMs(0));
  return {
    /** The end of the clean-up; if it takes too long, the process exits with its code anyway. */
    async or(cleanUp: Promise<void> | undefined): Promise<void> {
      clearTimeout(timer);
      let overdue: NodeJS.Timeout | undefined;
      const timeUp = new Promise<void>((resolve) => {
        overdue = setTimeout(() => {
          setTimeout(() => process.exit(), 0); // the exit code is set by then
          resolve();
        }, leftMs(graceMs));
      });
      try {
        await Promise.race([cleanUp, timeUp]);
      } finally {
        // Without pending work this changes nothing; a call blocked in the operating system would keep the process
        // alive.
        overdue?.unref();
      }
    },
  };
}

function late(text: string): TuError {
  return new TuError("E_DEADLINE", `not finished within ${text}`, {
    hint: "raise --timeout",
  });
}
