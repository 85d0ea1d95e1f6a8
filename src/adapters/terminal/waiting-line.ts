import { cut } from "./width.ts";

/** One line that shows what is being waited for, and for how long; removed before anything else is printed. */
export type WaitingLine = {
  say(text: string): void;
  /** Removes it until the next tick, so that a line can be printed in its place. */
  clear(): void;
  close(): void;
};

type Terminal = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
};

const tickMs = 100;
/** Shorter waits are not shown. */
const patienceMs = 300;

/** Prints nothing unless it is on a terminal. */
export function createWaitingLine(terminal: Terminal, nowMs: () => number): WaitingLine {
  if (terminal.isTTY !== true)
    return { say: () => undefined, clear: () => undefined, close: () => undefined };
  let text = "";
  let sinceMs = nowMs();
  let isShown = false;
  const clear = () => {
    if (isShown) terminal.write("\r\u001b[K");
    isShown = false;
  };
  const tick = () => {
    const waitedMs = nowMs() - sinceMs;
    if (text === "" || waitedMs < patienceMs) return;
    const line = `  ⋯ ${text}  ${(waitedMs / 1000).toFixed(1)} s`;
    terminal.write(`\r${cut(line, (terminal.columns ?? 80) - 1)}\u001b[K`);
    isShown = true;
  };
  const ticking = setInterval(tick, tickMs);
  ticking.unref();
  return {
    say(next) {
      clear();
      text = next;
      sinceMs = nowMs();
    },
    clear,
    close() {
      clearInterval(ticking);
      clear();
    },
  };
}
