// P11: from opening the state until all flows continue, with 100,000 of them in flight when their process was
// killed: each has a command that no transport has taken and a waiting timer. The next process is fresh, from a
// bundle as shipped: it inherits no compiled code or garbage from the previous one. On real servers it connects to them
// as well, and a command counts once RabbitMQ has confirmed it; the queue of the commands must then have all of them,
// once.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { openTransports } from "../src/commands/compose-transports.ts";
import { declareTopology } from "../src/pipeline/delivery/run-services.ts";
import { requireExact } from "./bridge.ts";
import { connectRabbit } from "./bridge-loops.ts";
import { decideOne, inDirectory, openEngine } from "./engine.ts";
import type { Figure } from "./measure.ts";
import type { RealServers } from "./real-servers.ts";
import { owedOn } from "./shell.ts";

const lanes = 256;
const commandQueue = "svc-ai-vision-adapter.recognition";
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

type Restarted = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly resumed: readonly string[];
  readonly sent: readonly string[];
};

export async function restart(flows: number): Promise<Figure> {
  return inDirectory(async (directory) => {
    const waiting = await leaveFlows(directory, flows, null);
    const next = await nextProcess(directory, null);
    requireAll(waiting, next);
    return {
      ...{ id: "P11", what: "s from opening to all flows resumed", value: next.seconds },
      ...{ goal: "≤ 2", isMet: next.seconds <= 2 },
      detail: detailOf(flows, next),
    };
  });
}

/** No goal: that is for 100,000 flows whose transports are embedded. */
export async function restartOn(servers: RealServers, flows: number): Promise<Figure> {
  return inDirectory(async (directory) => {
    const commands = await openCommands(servers);
    try {
      const waiting = await leaveFlows(directory, flows, servers);
      const next = await nextProcess(directory, servers);
      requireAll(waiting, next);
      await commands.requireExact(waiting);
      return {
        ...{ id: "P11", what: "s from opening to all flows resumed, real brokers" },
        ...{ value: next.seconds, detail: detailOf(flows, next) },
      };
    } finally {
      await commands.close();
    }
  });
}

function requireAll(waiting: readonly string[], { resumed, sent }: Restarted): void {
  const wasSent = new Set(sent);
  const isExact = resumed.length === waiting.length && waiting.every((id) => wasSent.has(id));
  if (!isExact) throw new Error(`${resumed.length} of ${waiting.length} flows were resumed`);
}

function detailOf(flows: number, { cpuSeconds, seconds }: Restarted): string {
  const rate = Math.round(flows / seconds).toLocaleString("en");
  return `${flows.toLocaleString("en")} flows in flight, ${rate} flows/s, ${cpuSeconds.toFixed(2)} s of processor time`;
}

/** The queue in which the commands of these flows come, empty. */
async function openCommands(servers: RealServers) {
  const transports = await openTransports(servers, (error) => console.log(error));
  await declareTopology("full", transports);
  await transports.close();
  const model = await connectRabbit(servers);
  const channel = await model.createChannel();
  const { messageCount } = await channel.purgeQueue(commandQueue);
  if (messageCount > 0) console.log(`P11  ${messageCount} commands of earlier runs were removed`);
  return {
    requireExact: (flows: readonly string[]) => requireExact(channel, commandQueue, new Set(flows)),
    async close() {
      await channel.purgeQueue(commandQueue);
      await model.close();
    },
  };
}

async function nextProcess(directory: string, servers: RealServers | null): Promise<Restarted> {
  // Next to the packages that it loads.
  const script = join(root, ".cache/restarted.mjs");
  await build({
    ...{ entryPoints: [join(root, "bench/restarted.ts")], outfile: script, bundle: true },
    ...{
      format: "esm",
      platform: "node",
      external: ["libsql", "kafkajs", "amqplib"],
      logLevel: "warning",
    },
  });
  const told = join(directory, "restarted.json");
  const args = [script, join(directory, "flow.db"), told, JSON.stringify(servers)];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`the next process ended with ${status}`);
  return JSON.parse(readFileSync(told, "utf8")) as Restarted; // it wrote it
}

/** Recorded by a run that then vanishes: it writes no checkpoint and does not sign off. */
async function leaveFlows(
  directory: string,
  flows: number,
  servers: RealServers | null,
): Promise<readonly string[]> {
  const { ids, ports } = await openEngine(directory, owedOn(servers));
  const unsent = { ...ports, relay: { ...ports.relay, dispatch: async () => undefined } };
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
