// Starting and stopping pipelines as processes of their own. Names adapters, like compose.ts.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TuError } from "../pipeline/errors.ts";
import {
  type Instance,
  makeRunningDirectory,
  runningDirectory,
  runningIn,
} from "./compose-running.ts";

/** Rejects with the signal's reason when aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { createSystemClock } = await import("../adapters/memory/clock.ts");
  await createSystemClock().sleep(ms, signal);
}

export type Detached = {
  readonly pid: number;
  /** The file that its output goes to. */
  readonly log: string;
  hasEnded(): boolean;
  lastLines(): Promise<readonly string[]>;
  /** It goes on without this process. */
  release(): Promise<void>;
  kill(): Promise<void>;
};

const shownLines = 20;

/** Runs this Node.js with these arguments, beyond the end of this process. Throws E_STATE_UNWRITABLE. */
export async function startDetached(stateDir: string, args: readonly string[]): Promise<Detached> {
  const directory = await makeRunningDirectory(stateDir);
  await removeLogs(stateDir, keepLogsMs);
  const unnamed = join(directory, `${process.pid}.starting.log`);
  const output = await open(unnamed, "w", 0o600);
  const stdio = ["ignore", output.fd, output.fd] as const;
  const child = spawn(process.execPath, [...args], { detached: true, stdio: [...stdio] });
  const spawned = once(child, "spawn");
  await output.close();
  await spawned;
  const { pid = 0 } = child; // it has spawned
  const log = join(directory, `${pid}.log`);
  await rename(unnamed, log);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    ...{ pid, log, hasEnded },
    async lastLines() {
      const lines = (await readFile(log, "utf8")).trim().split("\n");
      return lines.slice(-shownLines);
    },
    release: async () => child.unref(),
    async kill() {
      const ended = hasEnded() ? undefined : once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const keepLogsMs = 7 * 24 * 60 * 60 * 1000;

/** Of the pipelines that ended at least so long ago. */
export async function removeLogs(stateDir: string, olderThanMs = 0): Promise<void> {
  const { namesIn } = await import("../adapters/filesystem/directories.ts");
  const directory = runningDirectory(stateDir);
  const running = (await runningIn(stateDir)).map(({ pid }) => `${pid}.log`);
  for (const name of await namesIn(directory)) {
    if (!name.endsWith(".log") || running.includes(name)) continue;
    const file = join(directory, name);
    if (Date.now() - (await stat(file)).mtimeMs >= olderThanMs) await rm(file, { force: true });
  }
}

/** It drains for at most this long by itself. */
const killAfterMs = 15_000;
const lookEveryMs = 50;

/**
 * Resolves when it has ended, with whether it had to be killed. Throws the signal's reason, and E_INSTANCE_FAILED if
 * it may not be stopped.
 */
export async function stopInstance(
  stateDir: string,
  instance: Instance,
  signal: AbortSignal,
): Promise<boolean> {
  const runs = async () => (await runningIn(stateDir)).some(({ pid }) => pid === instance.pid);
  send(instance, "SIGTERM");
  for (let waitedMs = 0; await runs(); waitedMs += lookEveryMs) {
    if (waitedMs >= killAfterMs) {
      send(instance, "SIGKILL");
      return true;
    }
    await sleep(lookEveryMs, signal);
  }
  return false;
}

function send({ pid }: Instance, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ESRCH") return; // it has just ended
    throw new TuError("E_INSTANCE_FAILED", `process ${pid} cannot be stopped (${String(code)})`, {
      hint: "stop it as the user who started it",
      cause: error,
    });
  }
}
