// P9: memory per 100,000 flows in flight (started, waiting for recognition, their timers set), and whether it grows
// with finished flows.
import { createMemoryTimers } from "../src/adapters/memory/timers.ts";
import { decideOne, inDirectory, openEngine } from "./engine.ts";
import type { Figure } from "./measure.ts";

const mebibyte = 1024 * 1024;
const lanes = 256;

export async function memory(inFlight: number, finished: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const { clock, ids, ports: base, state } = await openEngine(directory);
    const timers = createMemoryTimers(clock);
    const ports = { ...base, timers };
    await finish(2000, ids, ports); // warm-up: compiled code and prepared statements are not flows
    const empty = used();
    await finish(finished, ids, ports);
    const afterFinished = used();
    const waiting: string[] = [];
    await inLanes(inFlight, async () => {
      const flowId = ids.create();
      waiting.push(flowId);
      await decideOne(flowId, "tu.image.uploaded", ids, ports);
    });
    const withWaiting = used();
    timers.close();
    await state.close();
    if (new Set(waiting).size !== inFlight) throw new Error("a flow was lost");
    const perHundredThousand = ((withWaiting - afterFinished) / inFlight) * 100_000;
    const growth = afterFinished - empty;
    return [
      {
        id: "P9",
        what: "MB per 100,000 flows in flight",
        value: perHundredThousand / mebibyte,
        goal: "≤ 80",
        isMet: perHundredThousand <= 80 * mebibyte,
        detail: `${inFlight.toLocaleString("en")} flows with their timers`,
      },
      {
        id: "P9",
        what: "MB grown by finished flows",
        value: growth / mebibyte,
        goal: "flat (≤ 10)",
        isMet: growth <= 10 * mebibyte,
        detail: `${finished.toLocaleString("en")} flows`,
      },
    ];
  });
}

type Engine = Awaited<ReturnType<typeof openEngine>>;

async function finish(count: number, ids: Engine["ids"], ports: Engine["ports"]): Promise<void> {
  await inLanes(count, async () => {
    const flowId = ids.create();
    await decideOne(flowId, "tu.image.uploaded", ids, ports);
    await decideOne(flowId, "recognition.completed", ids, ports);
    await decideOne(flowId, "comparison.completed", ids, ports);
    await decideOne(flowId, "metadata.sorted", ids, ports);
  });
}

async function inLanes(count: number, work: () => Promise<void>): Promise<void> {
  let begun = 0;
  const lane = async () => {
    while (begun < count) {
      begun += 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function used(): number {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc");
  for (let round = 0; round < 3; round += 1) globalThis.gc();
  const { arrayBuffers, external, heapUsed } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
