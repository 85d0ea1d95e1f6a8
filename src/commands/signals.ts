import { TuError } from "../pipeline/errors.ts";
import { printAside } from "./output.ts";

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
const recordedWork: StopWords = {
  now: "finishing what is under way",
  rest: "what was accepted is recorded",
  hint: "the next start goes on with it",
};

const drainMs = 10_000;
/** How long a process that is done may still take to end by itself. */
const blockedMs = 1000;

/** The first Ctrl-C or SIGTERM stops in good order, a second one at once. */
export function untilSignal(words: StopWords = recordedWork): Stop {
  const controller = new AbortController();
  let stoppedBy: "SIGINT" | "SIGTERM" | undefined;
  const endNow = (name: "SIGINT" | "SIGTERM") => process.kill(process.pid, name);
  const onSignal = (name: "SIGINT" | "SIGTERM") => {
    stoppedBy = name;
    release(); // the next one meets Node's own handling, which ends the process
    const isInterrupt = name === "SIGINT";
    // On a terminal the cursor stands behind a waiting line, and what Ctrl-C shows there.
    const start = process.stderr.isTTY ? "\n" : "";
    printAside(
      `${start}${isInterrupt ? "interrupted" : "terminated"}: ${words.now}; again to stop at once`,
    );
    const code = isInterrupt ? "E_INTERRUPTED" : "E_TERMINATED";
    controller.abort(new TuError(code, `stopped by ${name}; ${words.rest}`, { hint: words.hint }));
  };
  const onInterrupt = () => onSignal("SIGINT");
  const onTerminate = () => onSignal("SIGTERM");
  const release = () => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return {
    signal: controller.signal,
    async drain(cleanUp) {
      const overdue = setTimeout(() => {
        release();
        printAside("still busy after 10 s; stopping now");
        endNow(stoppedBy ?? "SIGTERM");
      }, drainMs);
      try {
        await cleanUp;
      } finally {
        clearTimeout(overdue);
        release();
        // What blocks in the operating system (a pipe without a writer) would keep it alive.
        if (stoppedBy !== undefined) setTimeout(endNow, blockedMs, stoppedBy).unref();
      }
    },
  };
}
