// The process that follows in P11: opens the state in its first argument, writes what it resumed to its second, and
// sends it to the servers of its third, if that is not null.
import { writeFileSync } from "node:fs";
import { createMemoryTimers } from "../src/adapters/memory/timers.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { openTransports } from "../src/commands/compose-transports.ts";
import { consumersOf, createPublish, type Publish } from "../src/pipeline/delivery/publish.ts";
import { createRelay } from "../src/pipeline/delivery/relay.ts";
import { declareTopology } from "../src/pipeline/delivery/run-services.ts";
import type { Clock } from "../src/pipeline/ports/clock.ts";
import { secondsOf } from "./measure.ts";
import type { RealServers } from "./real-servers.ts";

const [file = "", told = "", where = "null"] = process.argv.slice(2);
const sent = new Set<string>();
// Later than every lease of the dead process.
const clock: Clock = {
  nowMs: () => Date.now() + 60_000,
  sleep: () => new Promise(() => undefined),
};
const timers = createMemoryTimers(clock);
const cpu = process.cpuUsage();
const servers = JSON.parse(where) as RealServers | null; // `restart.ts` wrote it
const note: Publish = async ({ flowId }) => void sent.add(flowId);
const resumed = new Set<string>();
const seconds = await secondsOf(async () => {
  const state = await openSqliteState(file, {
    clock,
    runnerId: "next",
    owedTo: (message) => (servers === null ? consumersOf(message, "full") : []),
  });
  const publish = servers === null ? note : await publishingTo(servers);
  const relay = createRelay({
    journal: state.journal,
    timers,
    clock,
    reporter: { hop: () => undefined, notice: () => undefined },
    publish,
    async onAdopted(flows) {
      // One whose work is on two pages is adopted in two parts.
      for (const { flowId } of flows) resumed.add(flowId);
    },
  });
  await relay.start();
});
const { user, system } = process.cpuUsage(cpu);
const cpuSeconds = (user + system) / 1e6;
writeFileSync(
  told,
  JSON.stringify({ seconds, cpuSeconds, resumed: [...resumed], sent: [...sent] }),
);
process.exit(0);

async function publishingTo(at: RealServers): Promise<Publish> {
  const transports = await openTransports(at, (error) => console.log(error));
  const publish = createPublish(transports, "full");
  await declareTopology("full", transports);
  return async (message) => {
    await publish(message);
    await note(message);
  };
}
