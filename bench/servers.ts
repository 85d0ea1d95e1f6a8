// Servers of the other sides: on loopback, stopped by process id, even if the bench fails.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

export type Server = { readonly stop: () => Promise<void> };

type Start = {
  readonly command: string;
  readonly args: readonly string[];
  readonly options?: Pick<SpawnOptions, "cwd" | "env" | "gid" | "uid">;
  readonly stopSignal: NodeJS.Signals;
  /** Polled until it returns true; `output` is what the server has printed so far. */
  readonly isUp: (output: string) => boolean | Promise<boolean>;
};

const secondsToStart = 60;
const secondsToStop = 20;
const running = new Map<ChildProcess, NodeJS.Signals>();

process.once("exit", () => {
  for (const [child, signal] of running) child.kill(signal);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

/** Null if the command is not installed; throws if it does not start. */
export async function startServer(start: Start): Promise<Server | null> {
  const { args, command, isUp, options, stopSignal } = start;
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let isStopping = false;
  const keep = (text: Buffer) => {
    output = `${output}${text}`.slice(-10_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  if (!(await isSpawned(child))) return null;
  running.set(child, stopSignal);
  child.once("exit", () => {
    running.delete(child);
    if (!isStopping) throw new Error(`${command} ended by itself:\n${output}`);
  });
  const stop = async () => {
    isStopping = true;
    child.kill(stopSignal);
    const hasEnded = ended.then(() => true);
    if (await Promise.race([hasEnded, wait(secondsToStop * 1000, false, { ref: false })])) return;
    child.kill("SIGKILL");
    await ended;
    console.log(`${command} did not stop within ${secondsToStop} s and was killed`);
  };
  try {
    await until(() => isUp(output));
  } catch (error) {
    await stop();
    throw new Error(`${command} did not start:\n${output}`, { cause: error });
  }
  return { stop };
}

function isSpawned(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve(true));
    child.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? resolve(false) : reject(error),
    );
  });
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + secondsToStart * 1000;
  while (!(await isTrue())) {
    if (Date.now() > endsAt) throw new Error(`not within ${secondsToStart} s`);
    await wait(20);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
