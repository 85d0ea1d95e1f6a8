// Another side of P2 and P4: Graphile Worker jobs, where each of five adds the next, producer and workers in this
// process, on a PostgreSQL of its own that writes every commit to disk before it responds.
import { loadPeer, steps } from "./peers.ts";
import { startPostgres } from "./postgres.ts";
import type { Shell } from "./shell.ts";

/** The part of Graphile Worker 0.17 that is used (`graphile-worker/dist/index.d.ts`, `interfaces.d.ts`). */
type Payload = { readonly flow: string };
type Ended = { readonly job: { readonly task_identifier: string; readonly payload: Payload } };
type AddJob = (identifier: string, payload: Payload) => Promise<unknown>;
type Task = (payload: Payload, helpers: { readonly addJob: AddJob }) => Promise<void>;
type Runner = {
  readonly addJob: AddJob;
  readonly stop: () => Promise<void>;
  readonly events: {
    on(
      event: "job:complete",
      listener: (ended: Ended & { readonly error?: unknown }) => void,
    ): void;
  };
};
type Log = (level: string, message: string) => void;
type Graphile = {
  readonly Logger: new (logTo: () => Log) => object;
  readonly run: (options: {
    readonly preset: { readonly worker: WorkerOptions };
    readonly noHandleSignals: boolean;
    readonly taskList: Readonly<Record<string, Task>>;
    readonly parsedCronItems: readonly never[];
  }) => Promise<Runner>;
};
type WorkerOptions = {
  readonly connectionString: string;
  readonly concurrentJobs: number;
  readonly maxPoolSize: number;
  readonly localQueue: { readonly size: number };
  readonly completeJobBatchDelay: number;
  readonly logger: object;
};

/** The fastest of the settings tried: jobs fetched and completed in batches, its default of ten connections. */
const settings = {
  ...{ concurrentJobs: 64, maxPoolSize: 10 },
  ...{ localQueue: { size: 500 }, completeJobBatchDelay: 0 },
};

/** Null if Graphile Worker (`npm ci --prefix bench/peers`) or PostgreSQL is not installed. */
export async function openGraphileWorker(directory: string): Promise<Shell | null> {
  const graphile = loadPeer("graphile-worker") as Graphile | null; // declared above, as far as it is used
  const postgres = graphile === null ? null : await startPostgres(directory);
  if (graphile === null || postgres === null) return null;
  const waiting = new Map<string, (error: unknown) => void>();
  const worker: WorkerOptions = {
    connectionString: postgres.url("postgres"),
    logger: new graphile.Logger(() => tellErrors),
    ...settings,
  };
  const runner = await graphile.run({
    ...{ preset: { worker }, noHandleSignals: true, taskList: tasks(), parsedCronItems: [] },
  });
  runner.events.on("job:complete", ({ error, job }) => {
    const hasFailed = error !== undefined && error !== null;
    if (hasFailed || job.task_identifier === steps.at(-1))
      waiting.get(job.payload.flow)?.(hasFailed ? error : null);
  });
  let flows = 0;
  return {
    async run() {
      flows += 1;
      const flow = String(flows);
      const ended = new Promise<void>((resolve, reject) => {
        waiting.set(flow, (error) => (error === null ? resolve() : reject(error)));
      });
      await runner.addJob(steps[0], { flow });
      await ended;
      waiting.delete(flow);
    },
    async close() {
      await runner.stop();
      await postgres.stop();
    },
  };
}

function tasks(): Readonly<Record<string, Task>> {
  const task =
    (next: string | undefined): Task =>
    async ({ flow }, { addJob }) => {
      if (next !== undefined) await addJob(next, { flow });
    };
  return Object.fromEntries(steps.map((name, at) => [name, task(steps[at + 1])]));
}

function tellErrors(level: string, message: string): void {
  if (level === "error") console.error(`graphile-worker: ${message}`);
}
