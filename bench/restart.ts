// P11: from opening the state to all flows going on, with 100,000 of them in flight when their process was
// killed: each has a command that nobody has taken and a timer that waits.
import { join } from "node:path";
import { createMemoryTimers } from "../src/adapters/memory/timers.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { consumersOf } from "../src/pipeline/delivery/publish.ts";
import { createRelay } from "../src/pipeline/delivery/relay.ts";
import type { Message } from "../src/pipeline/message.ts";
import type { Clock } from "../src/pipeline/ports/clock.ts";
import { decideOne, inDirectory, openEngine } from "./engine.ts";
import { type Figure, secondsOf } from "./measure.ts";

const lanes = 256;
const owedTo = (message: Message) => consumersOf(message, "full");

export async function restart(flows: number): Promise<Figure> {
  return inDirectory(async (directory) => {
    const waiting = await leaveFlows(directory, flows);
    const sent = new Set<string>();
    // Later than every lease of the one that is gone.
    const clock: Clock = {
      nowMs: () => Date.now() + 60_000,
      sleep: () => new Promise(() => undefined),
    };
    const timers = createMemoryTimers(clock);
    const cpu = process.cpuUsage();
    let resumed: readonly string[] = [];
    const seconds = await secondsOf(async () => {
      const state = await openSqliteState(join(directory, "flow.db"), {
        clock,
        runnerId: "next",
        owedTo,
      });
      const relay = createRelay({
        journal: state.journal,
        timers,
        clock,
        reporter: { hop: () => undefined, notice: () => undefined },
        publish: async ({ flowId }) => void sent.add(flowId),
      });
      resumed = await relay.start();
    });
    const { user, system } = process.cpuUsage(cpu);
    timers.close();
    const isExact = resumed.length === flows && waiting.every((flowId) => sent.has(flowId));
    if (!isExact) throw new Error(`${resumed.length} of ${flows} flows were resumed`);
    return {
      id: "P11",
      what: "s from opening to all flows resumed",
      value: seconds,
      goal: "≤ 2",
      isMet: seconds <= 2,
      detail: `${flows.toLocaleString("en")} flows in flight, ${((user + system) / 1e6).toFixed(2)} s of processor time`,
    };
  });
}

/** Recorded by a run that then is no more: it leaves neither a checkpoint nor its place. */
async function leaveFlows(directory: string, flows: number): Promise<readonly string[]> {
  const { ids, ports } = await openEngine(directory, owedTo);
  const unsent = { ...ports, relay: { ...ports.relay, send: async () => undefined } };
  const waiting: string[] = [];
  const lane = async () => {
    while (waiting.length < flows) {
      const flowId = ids.create();
      waiting.push(flowId);
      await decideOne(flowId, "tu.image.uploaded", ids, unsent);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return waiting;
}
