// P5: how long an idle flow takes on real brokers, compared with the sum of its round trips with bare clients. The
// steps answer at once, so that what is between them is measured: one hop over Kafka and eight over RabbitMQ, from the
// upload's record to the recorded end. A second comparison adds what the promise costs that nothing is sent before it
// is recorded: one commit for each decision on the way.
import { performance } from "node:perf_hooks";
import { openTrips, type Trips } from "./bare-trips.ts";
import { inDirectory } from "./engine.ts";
import { byTurns, type Figure, sampleOf, spread } from "./measure.ts";
import type { RealServers } from "./real-servers.ts";
import { openShell } from "./shell.ts";

type Work = { readonly rounds: number; readonly flows: number };

/** To the bridge; then to the orchestrator, three times to a step and back, and to the machine storage. */
const hops = { kafka: 1, rabbitmq: 8 };
const commits = hops.kafka + hops.rabbitmq;

export async function brokerFlows(servers: RealServers, work: Work): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const shell = await openShell(directory, servers);
    const trips = await openTrips(servers, directory);
    const [ours, bare, safe] = [shell.run, () => tour(trips, false), () => tour(trips, true)].map(
      (once) => createSide(once, work.flows),
    );
    if (ours === undefined || bare === undefined || safe === undefined)
      throw new Error("a side is missing");
    try {
      const sides = [ours, bare, safe].map(({ round }) => round);
      const [mine, theirs, recorded] = await byTurns(work.rounds, sides);
      if (mine === undefined || theirs === undefined || recorded === undefined)
        throw new Error("a side was not measured");
      const half = mine.median / theirs.median;
      const most = ours.p99() / bare.p99();
      const behind = "over its round trips with bare clients";
      return [
        {
          ...{ id: "P5", what: `p50 of a flow on real brokers ${behind}`, value: half },
          ...{ goal: "≤ 1.15", isMet: half <= 1.15 },
          detail: `${spread(mine, "ms")} over ${spread(theirs, "ms")}`,
        },
        {
          ...{ id: "P5", what: `p99 of a flow on real brokers ${behind}`, value: most },
          ...{ goal: "≤ 1.30", isMet: most <= 1.3 },
          detail: `${ours.p99().toFixed(1)} ms over ${bare.p99().toFixed(1)} ms, ${work.rounds * work.flows} flows`,
        },
        {
          ...{ id: "P5", what: "p50 of a flow over its round trips and commits" },
          value: mine.median / recorded.median,
          detail: `${spread(mine, "ms")} over ${spread(recorded, "ms")}, ${commits} commits`,
        },
      ];
    } finally {
      await trips.close();
      await shell.close();
    }
  });
}

async function tour({ commit, kafka, rabbitmq }: Trips, isRecorded: boolean): Promise<void> {
  const record = isRecorded ? commit : () => undefined;
  for (let hop = 0; hop < hops.kafka; hop += 1) {
    await kafka();
    record();
  }
  for (let hop = 0; hop < hops.rabbitmq; hop += 1) {
    await rabbitmq();
    record();
  }
}

/** A round gives its median; the slowest ones of all rounds are looked at together. */
function createSide(once: () => Promise<void>, flows: number) {
  const all: number[] = [];
  let isWarm = false;
  return {
    p99: () => all.toSorted((a, b) => a - b)[Math.ceil(all.length * 0.99) - 1] ?? Number.NaN,
    async round(): Promise<number> {
      const each: number[] = [];
      for (let flow = 0; flow < flows; flow += 1) {
        const startedAt = performance.now();
        await once();
        each.push(performance.now() - startedAt);
      }
      if (isWarm) all.push(...each);
      isWarm = true;
      return sampleOf(each).median;
    },
  };
}
