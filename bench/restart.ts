// P11: from opening the state to all flows going on, with 100,000 of them in flight when their process was
// killed: each has a command that nobody has taken and a timer that waits. The next process is one that has just begun,
// from a bundle as it is shipped: nothing is compiled or collected in it that the one before has left.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { consumersOf } from "../src/pipeline/delivery/publish.ts";
import { decideOne, inDirectory, openEngine } from "./engine.ts";
import type { Figure } from "./measure.ts";

const lanes = 256;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

type Restarted = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly resumed: readonly string[];
  readonly sent: readonly string[];
};

export async function restart(flows: number): Promise<Figure> {
  return inDirectory(async (directory) => {
    const waiting = await leaveFlows(directory, flows);
    const { cpuSeconds, resumed, seconds, sent } = await nextProcess(directory);
    const wasSent = new Set(sent);
    const isExact = resumed.length === flows && waiting.every((flowId) => wasSent.has(flowId));
    if (!isExact) throw new Error(`${resumed.length} of ${flows} flows were resumed`);
    return {
      id: "P11",
      what: "s from opening to all flows resumed",
      value: seconds,
      goal: "≤ 2",
      isMet: seconds <= 2,
      detail: `${flows.toLocaleString("en")} flows in flight, ${cpuSeconds.toFixed(2)} s of processor time`,
    };
  });
}

async function nextProcess(directory: string): Promise<Restarted> {
  // Beside the packages that it loads.
  const script = join(root, ".cache/restarted.mjs");
  await build({
    ...{ entryPoints: [join(root, "bench/restarted.ts")], outfile: script, bundle: true },
    ...{ format: "esm", platform: "node", external: ["libsql"], logLevel: "warning" },
  });
  const told = join(directory, "restarted.json");
  const args = [script, join(directory, "flow.db"), told];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`the next process ended with ${status}`);
  return JSON.parse(readFileSync(told, "utf8")) as Restarted; // it wrote it
}

/** Recorded by a run that then is no more: it leaves neither a checkpoint nor its place. */
async function leaveFlows(directory: string, flows: number): Promise<readonly string[]> {
  const { ids, ports } = await openEngine(directory, (message) => consumersOf(message, "full"));
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
