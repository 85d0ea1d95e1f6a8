// P2: flows a second through the whole shell, 256 in flight, over BullMQ's. P4: one flow that has everything to
// itself, from its first message to its end. What each side does for a flow stands in docs/figures.md.
import { performance } from "node:perf_hooks";
import { openBullmq } from "./bullmq.ts";
import { inDirectory } from "./engine.ts";
import { type Figure, interleaved, sampleOf, secondsOf, spread } from "./measure.ts";
import { openShell, type Shell } from "./shell.ts";

const inFlight = 256;

export async function wholeFlows(rounds: number, flows: number): Promise<readonly Figure[]> {
  return inDirectory((ours) =>
    inDirectory(async (theirs) => {
      const peer = await openBullmq(theirs);
      if (peer === null) {
        console.log("P2, P4: left out, without redis-server and `npm ci --prefix bench/peers`");
        return [];
      }
      const shell = await openShell(ours);
      try {
        return [
          await throughput(shell, peer, { rounds, flows }),
          await latency(shell, peer, rounds),
        ];
      } finally {
        await shell.close();
        await peer.close();
      }
    }),
  );
}

type Rounds = { readonly rounds: number; readonly flows: number };

async function throughput(shell: Shell, peer: Shell, { flows, rounds }: Rounds): Promise<Figure> {
  const measure = (side: Shell) => async () =>
    flows / (await secondsOf(() => runMany(side, flows)));
  const { ours, theirs } = await interleaved(rounds, measure(shell), measure(peer));
  const value = ours.median / theirs.median;
  return {
    ...{ id: "P2", what: "flows/s over BullMQ's", value, goal: "≥ 10", isMet: value >= 10 },
    detail: `${spread(ours, "flows/s")} over ${spread(theirs, "flows/s")}, ${inFlight} in flight`,
  };
}

async function latency(shell: Shell, peer: Shell, rounds: number): Promise<Figure> {
  const measure = (side: Shell) => async () => {
    const each: number[] = [];
    for (let flow = 0; flow < 50; flow += 1) {
      const startedAt = performance.now();
      await side.run();
      each.push(performance.now() - startedAt);
    }
    return sampleOf(each).median;
  };
  const { ours, theirs } = await interleaved(rounds, measure(shell), measure(peer));
  const value = ours.median / theirs.median;
  return {
    ...{ id: "P4", what: "latency of an idle flow over BullMQ's", value },
    ...{ goal: "≤ 0.40", isMet: value <= 0.4 },
    detail: `p50 ${spread(ours, "ms")} over ${spread(theirs, "ms")}`,
  };
}

async function runMany(side: Shell, flows: number): Promise<void> {
  let started = 0;
  const lane = async () => {
    while (started < flows) {
      started += 1;
      await side.run();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}
