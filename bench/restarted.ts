// The process that follows in P11: opens the state in its first argument, and writes what it resumed to its second.
import { writeFileSync } from "node:fs";
import { createMemoryTimers } from "../src/adapters/memory/timers.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { consumersOf } from "../src/pipeline/delivery/publish.ts";
import { createRelay } from "../src/pipeline/delivery/relay.ts";
import type { Clock } from "../src/pipeline/ports/clock.ts";
import { secondsOf } from "./measure.ts";

const [file = "", told = ""] = process.argv.slice(2);
const sent = new Set<string>();
// Later than every lease of the dead process.
const clock: Clock = {
  nowMs: () => Date.now() + 60_000,
  sleep: () => new Promise(() => undefined),
};
const timers = createMemoryTimers(clock);
const cpu = process.cpuUsage();
const resumed = new Set<string>();
const seconds = await secondsOf(async () => {
  const state = await openSqliteState(file, {
    clock,
    runnerId: "next",
    owedTo: (message) => consumersOf(message, "full"),
  });
  const relay = createRelay({
    journal: state.journal,
    timers,
    clock,
    reporter: { hop: () => undefined, notice: () => undefined },
    publish: async ({ flowId }) => void sent.add(flowId),
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
