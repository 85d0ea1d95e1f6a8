import { TuError } from "../pipeline/errors.ts";
import { leaveLostTerminal, printAside } from "./output.ts";

export type Stop = {
  /** Aborted with E_INTERRUPTED or E_TERMINATED by the first signal. */
  readonly signal: AbortSignal;
  /** Waits for the clean-up, but not for ever; also ends the listening. */
  drain(cleanUp: Promise<void> | undefined): Promise<void>;
};

/** What a stopped command says of its work. */
export type StopWords = {
  /** What happens now. */
  readonly now: string;
  /** What becomes of what is not done. */
  readonly rest: string;
  readonly hint: string;
};
const drainMs = 10_000;
/** How long a process that is done may still take to end by itself. */
const blockedMs = 1000;

/** What a signal ends a command as. A hang-up is a way to terminate: it has no exit code of its own. */
const ends = {
  SIGINT: { code: "E_INTERRUPTED", word: "interrupted", by: "SIGINT" },
  SIGTERM: { code: "E_TERMINATED", word: "terminated", by: "SIGTERM" },
  SIGHUP: { code: "E_TERMINATED", word: "terminated", by: "SIGTERM" },
} as const;
type Name = keyof typeof ends;
const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly Name[];

/**
 * The first Ctrl-C, SIGTERM or SIGHUP stops in good order; a second Ctrl-C or SIGTERM at once. The words are
 * asked for when the first one comes.
 */
export function untilSignal(wordsOf: () => StopWords): Stop {
  const controller = new AbortController();
  let stoppedBy: Name | undefined;
  let overdue: NodeJS.Timeout | undefined;
  const endNow = () => {
    release();
    leaveLostTerminal();
    process.kill(process.pid, ends[stoppedBy ?? "SIGTERM"].by);
  };
  const limit = () => {
    overdue ??= setTimeout(() => {
      printAside("still busy after 10 s; stopping now");
      endNow();
    }, drainMs);
  };
  const onSignal = (name: Name) => {
    if (stoppedBy !== undefined) return; // a terminal that closes hangs up more than once
    stoppedBy = name;
    // The next one of these meets Node's own handling, which ends the process.
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    limit();
    const { code, word } = ends[name];
    const words = wordsOf();
    // On a terminal the cursor stands behind a waiting line, and what Ctrl-C shows there.
    const start = process.stderr.isTTY ? "\n" : "";
    printAside(`${start}${word}: ${words.now}; again to stop at once`);
    controller.abort(new TuError(code, `stopped by ${name}; ${words.rest}`, { hint: words.hint }));
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
        await cleanUp;
      } finally {
        clearTimeout(overdue);
        // What blocks in the operating system (a pipe without a writer) would keep it alive.
        if (stoppedBy === undefined) release();
        else setTimeout(endNow, blockedMs).unref();
      }
    },
  };
}
