import { TuError } from "../pipeline/errors.ts";
import { orAborted } from "../pipeline/or-aborted.ts";
import { type Detached, sleep, startDetached } from "./compose-processes.ts";
import { deadlineOf, type Settings } from "./config.ts";
import { type Format, printDiagnostic } from "./output.ts";
import { printReady, reportsOf } from "./running.ts";
import { untilSignal } from "./signals.ts";

const pollMs = 100;

/**
 * Starts the command line `argv`, without --detach, as a process of its own, and returns when it is ready. Its output
 * goes to a file. It is stopped if it does not become ready in time.
 */
export async function upDetached(
  argv: readonly string[],
  settings: Settings,
  format: Format,
): Promise<number> {
  const stop = untilSignal(() => ({ now: "stopping what was started" }), deadlineOf(settings));
  let child: Detached | undefined;
  let isReady = false;
  try {
    const args = argv.slice(1).filter((arg) => arg !== "--detach");
    child = await startDetached(settings.stateDir, args);
    const report = await orAborted(untilReady(child, settings, stop.signal), stop.signal);
    isReady = true;
    if (format === "text") printDiagnostic(`its output goes to ${child.log}`);
    return printReady(report, format);
  } finally {
    await stop.drain(isReady ? child?.release() : child?.kill());
  }
}

async function untilReady(child: Detached, settings: Settings, signal: AbortSignal) {
  for (;;) {
    const report = (await reportsOf(settings)).find(({ pid }) => pid === child.pid);
    if (report?.isReady === true) return report;
    if (child.hasEnded()) {
      for (const line of await child.lastLines()) printDiagnostic(line);
      throw new TuError("E_INSTANCE_FAILED", `process ${child.pid} ended before it was ready`, {
        hint: `its output is above, and in ${child.log}`,
      });
    }
    await sleep(pollMs, signal);
  }
}
