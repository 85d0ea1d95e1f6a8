// Another side of P2 and P4: a DBOS workflow of five steps, in this process, on a PostgreSQL of its own that writes
// every commit to disk before it responds.
import { loadPeer, steps } from "./peers.ts";
import { startPostgres } from "./postgres.ts";
import type { Shell } from "./shell.ts";

/** The part of DBOS 5 that is used (`@dbos-inc/dbos-sdk/dist/src/dbos.d.ts`). */
type Workflow = (flow: string) => Promise<string>;
type Dbos = {
  readonly DBOS: {
    setConfig(config: {
      readonly name: string;
      readonly systemDatabaseUrl: string;
      readonly logLevel: string;
    }): void;
    launch(): Promise<void>;
    shutdown(options: { readonly deregister: boolean }): Promise<void>;
    registerWorkflow(work: Workflow, config: { readonly name: string }): Workflow;
    runStep(work: () => Promise<string>, config: { readonly name: string }): Promise<string>;
    startWorkflow(
      work: Workflow,
      options: { readonly workflowID: string },
    ): (flow: string) => Promise<{ getResult(): Promise<unknown> }>;
  };
};

/** Null if DBOS (`npm ci --prefix bench/peers`) or PostgreSQL is not installed. */
export async function openDbos(directory: string): Promise<Shell | null> {
  const dbos = loadPeer("@dbos-inc/dbos-sdk") as Dbos | null; // declared above, as far as it is used
  const postgres = dbos === null ? null : await startPostgres(directory);
  if (dbos === null || postgres === null) return null;
  const { DBOS } = dbos;
  DBOS.setConfig({
    ...{ name: "bench", systemDatabaseUrl: postgres.url("dbos"), logLevel: "error" },
  });
  const work = async (flow: string) => {
    for (const name of steps) await DBOS.runStep(async () => flow, { name });
    return flow;
  };
  const workflow = DBOS.registerWorkflow(work, { name: "flow" });
  await DBOS.launch();
  let flows = 0;
  return {
    async run() {
      flows += 1;
      const flow = `flow-${flows}`;
      const handle = await DBOS.startWorkflow(workflow, { workflowID: flow })(flow);
      await handle.getResult();
    },
    async close() {
      await DBOS.shutdown({ deregister: true });
      await postgres.stop();
    },
  };
}
