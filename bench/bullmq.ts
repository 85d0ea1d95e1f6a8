// Another side of P2 and P4: BullMQ flows of five sequential steps, producer and workers in this process, on a Redis
// of its own with its append-only file (synced every second, its default).
import { loadPeer, steps } from "./peers.ts";
import { freePort, type Server, startServer } from "./servers.ts";
import type { Shell } from "./shell.ts";

/** The part of BullMQ 5 that is used (`bullmq/dist/esm/classes`). */
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

/** Null if BullMQ (`npm ci --prefix bench/peers`) or redis-server is not installed. */
export async function openBullmq(directory: string): Promise<Shell | null> {
  const bullmq = loadPeer("bullmq") as Bullmq | null; // declared above, as far as it is used
  if (bullmq === null) return null;
  const connection = { host: "127.0.0.1", port: await freePort() };
  const redis = await startRedis(directory, connection);
  if (redis === null) return null;
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
      await redis.stop();
    },
  };
}

function chainOf(flow: string): Flow {
  const job = (name: string, children: readonly Flow[]): Flow => ({
    ...{ name, queueName: "analysis", data: { flow }, opts: { removeOnComplete: true } },
    ...(children.length === 0 ? {} : { children }),
  });
  // The last one is the root: a job waits for its children.
  return steps.reduce<readonly Flow[]>((children, name) => [job(name, children)], [])[0] as Flow; // there are steps
}

function startRedis(directory: string, { host, port }: Connection): Promise<Server | null> {
  const settings = ["--bind", host, "--port", String(port), "--dir", directory];
  return startServer({
    command: "redis-server",
    args: [...settings, "--appendonly", "yes", "--save", ""],
    stopSignal: "SIGTERM",
    isUp: (output) => output.includes("Ready to accept connections"),
  });
}
