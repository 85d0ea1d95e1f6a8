// The other side of P2 and P4: BullMQ's flows, five steps one after the other, producer and workers in this
// process, on a Redis of its own with its append-only file (written by the second, as its default is).
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Shell } from "./shell.ts";

/** What is used of BullMQ 5 (`bullmq/dist/esm/classes`). */
type Job = { readonly name: string; readonly data: { readonly flow: string } };
type Connection = { readonly host: string; readonly port: number };
type Bullmq = {
  readonly FlowProducer: new (options: {
    connection: Connection;
  }) => {
    add(flow: Flow): Promise<unknown>;
    close(): Promise<void>;
  };
  readonly Worker: new (
    queue: string,
    work: (job: Job) => Promise<unknown>,
    options: { connection: Connection; concurrency: number },
  ) => { on(event: "completed", listener: (job: Job) => void): unknown; close(): Promise<void> };
};
type Flow = {
  readonly name: string;
  readonly queueName: string;
  readonly data: Job["data"];
  readonly opts: { readonly removeOnComplete: boolean };
  readonly children?: readonly Flow[];
};

const concurrency = 256;
/** The last one is the root: a job waits for its children. */
const steps = ["started", "recognised", "compared", "sorted", "stored"];
const peers = join(import.meta.dirname, "peers", "package.json");

/** Null where BullMQ (`npm ci --prefix bench/peers`) or redis-server is not installed. */
export async function openBullmq(directory: string): Promise<Shell | null> {
  const bullmq = loadBullmq();
  const redis = bullmq === null ? null : await startRedis(directory);
  if (bullmq === null || redis === null) return null;
  const { connection } = redis;
  const waiting = new Map<string, () => void>();
  const producer = new bullmq.FlowProducer({ connection });
  const worker = new bullmq.Worker("analysis", async () => ({ done: true }), {
    ...{ connection, concurrency },
  });
  worker.on("completed", ({ data, name }) => {
    if (name === steps.at(-1)) waiting.get(data.flow)?.();
  });
  let flows = 0;
  return {
    async run() {
      flows += 1;
      const flow = String(flows);
      const ended = new Promise<void>((resolve) => waiting.set(flow, resolve));
      await producer.add(chainOf(flow));
      await ended;
      waiting.delete(flow);
    },
    async close() {
      await worker.close();
      await producer.close();
      redis.process.kill();
    },
  };
}

function loadBullmq(): Bullmq | null {
  try {
    return createRequire(peers)("bullmq") as Bullmq; // declared above, as far as it is used
  } catch {
    return null;
  }
}

function chainOf(flow: string): Flow {
  const job = (name: string, children: readonly Flow[]): Flow => ({
    ...{ name, queueName: "analysis", data: { flow }, opts: { removeOnComplete: true } },
    ...(children.length === 0 ? {} : { children }),
  });
  return steps.reduce<readonly Flow[]>((children, name) => [job(name, children)], [])[0] as Flow; // there are steps
}

async function startRedis(
  directory: string,
): Promise<{ readonly connection: Connection; readonly process: ChildProcess } | null> {
  const port = await freePort();
  const settings = ["--bind", "127.0.0.1", "--port", String(port), "--dir", directory];
  const child = spawn("redis-server", [...settings, "--appendonly", "yes", "--save", ""], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const started = new Promise<boolean>((resolve) => {
    child.on("error", () => resolve(false));
    child.on("exit", () => resolve(false));
    child.stdout.on("data", (text: Buffer) => {
      if (text.includes("Ready to accept connections")) resolve(true);
    });
  });
  const isUp = await Promise.race([started, wait(10_000, false)]);
  return isUp ? { connection: { host: "127.0.0.1", port }, process: child } : null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
