// Another side of P2 and P4: a Temporal workflow of five activities, client and worker in this process, on a
// development server of its own with a SQLite file.
import { join } from "node:path";
import { loadPeer, steps } from "./peers.ts";
import { freePort, type Server, startServer } from "./servers.ts";
import type { Shell } from "./shell.ts";

/** The part of Temporal's SDK 1 that is used (`@temporalio/worker/lib`, `@temporalio/client/lib`). */
type Closable = { close(): Promise<void> };
type WorkerPackage = {
  readonly DefaultLogger: new (level: "WARN") => object;
  readonly Runtime: { install(options: { readonly logger: object }): unknown };
  readonly NativeConnection: { connect(options: { readonly address: string }): Promise<Closable> };
  readonly Worker: {
    create(options: {
      readonly connection: Closable;
      readonly taskQueue: string;
      readonly workflowsPath: string;
      readonly activities: Readonly<Record<string, (flow: string) => Promise<string>>>;
      readonly maxConcurrentActivityTaskExecutions: number;
      readonly maxConcurrentWorkflowTaskExecutions: number;
    }): Promise<{ run(): Promise<void>; shutdown(): void }>;
  };
};
type ClientPackage = {
  readonly Connection: { connect(options: { readonly address: string }): Promise<Closable> };
  readonly Client: new (options: {
    readonly connection: Closable;
  }) => {
    readonly workflow: {
      execute(
        workflow: string,
        options: {
          readonly taskQueue: string;
          readonly workflowId: string;
          readonly args: readonly string[];
        },
      ): Promise<unknown>;
    };
  };
};

const taskQueue = "analysis";
const concurrency = 256;

/** Null if Temporal's SDK (`npm ci --prefix bench/peers`) or its `temporal` command is not installed. */
export async function openTemporal(directory: string): Promise<Shell | null> {
  const workers = loadPeer("@temporalio/worker") as WorkerPackage | null; // declared above, as far as it is used
  const clients = loadPeer("@temporalio/client") as ClientPackage | null; // likewise
  if (workers === null || clients === null) return null;
  const port = await freePort();
  const server = await startTemporal(directory, port);
  if (server === null) return null;
  const address = `127.0.0.1:${port}`;
  workers.Runtime.install({ logger: new workers.DefaultLogger("WARN") });
  const connection = await workers.NativeConnection.connect({ address });
  const worker = await workers.Worker.create({
    ...{ connection, taskQueue, activities: activities() },
    workflowsPath: join(import.meta.dirname, "peers", "temporal-workflow.js"),
    maxConcurrentActivityTaskExecutions: concurrency,
    maxConcurrentWorkflowTaskExecutions: concurrency,
  });
  const ended = worker.run();
  const clientConnection = await clients.Connection.connect({ address });
  const client = new clients.Client({ connection: clientConnection });
  let flows = 0;
  return {
    async run() {
      flows += 1;
      const flow = `flow-${flows}`;
      await client.workflow.execute("flow", { taskQueue, workflowId: flow, args: [flow] });
    },
    async close() {
      worker.shutdown();
      await ended;
      await clientConnection.close();
      await connection.close();
      await server.stop();
    },
  };
}

function activities(): Readonly<Record<string, (flow: string) => Promise<string>>> {
  return Object.fromEntries(steps.map((name) => [name, async (flow: string) => flow]));
}

function startTemporal(directory: string, port: number): Promise<Server | null> {
  return startServer({
    command: "temporal",
    args: [
      ...["server", "start-dev", "--headless", "--log-level", "error"],
      ...["--ip", "127.0.0.1", "--port", String(port)],
      ...["--db-filename", join(directory, "temporal.db")],
      ...["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=FULL"],
      // Its default of 20 per second makes each of a flow's 11 tasks wait for 50 ms.
      ...["--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"],
    ],
    options: { cwd: directory },
    stopSignal: "SIGTERM",
    isUp: (output) => output.includes("Server:"),
  });
}
