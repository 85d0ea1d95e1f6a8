import { setTimeout as wait } from "node:timers/promises";
import type { Random } from "../../src/simulation/scheduler.ts";
import { type Cluster, type Place, places } from "./cluster.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Way } from "./proxy.ts";
import type { Uploader } from "./uploader.ts";

// R5, R6 and R13: a server is disturbed with flows in flight, and comes back. Everything accepted by then must end,
// without anything of ours being restarted.

type Fault = {
  readonly name: string;
  readonly places: readonly Place[];
  /** How long it lasts, in milliseconds. */
  readonly lasts: readonly [number, number];
  begin(place: Place, cluster: Cluster): Promise<void> | void;
  end(place: Place, cluster: Cluster): Promise<void> | void;
};

const mend = (place: Place, { ways }: Cluster) => ways[place].mend();
const kafkaFetch = 1;

function stall(what: string, at: readonly Place[], swallow: (way: Way) => void): Fault {
  return {
    ...{ name: `stalled, ${what}`, places: at, lasts: [3000, 3000] },
    begin(place, { ways }) {
      swallow(ways[place]);
      ways[place].mend();
    },
    end: () => undefined,
  };
}

export const faults: readonly Fault[] = [
  {
    ...{ name: "killed", places, lasts: [500, 4000] },
    begin: (place, { servers }) => servers[place].kill(),
    end: async (place, { servers }) => void (await servers[place].start()),
  },
  {
    ...{ name: "stopped", places, lasts: [500, 4000] },
    begin: (place, { servers }) => servers[place].stop(),
    end: async (place, { servers }) => void (await servers[place].start()),
  },
  {
    ...{ name: "half-open", places, lasts: [8000, 14_000], end: mend },
    begin: (place, { ways }) => ways[place].silence(),
  },
  {
    ...{ name: "reset", places, lasts: [0, 0], end: mend },
    begin: (place, { ways }) => ways[place].reset(),
  },
  {
    ...{ name: "cut", places, lasts: [500, 6000], end: mend },
    begin: (place, { ways }) => ways[place].cut(),
  },
  {
    ...{ name: "slow", places: ["kafka", "rabbitmq"], lasts: [5000, 5000], end: mend },
    begin: (place, { ways }) => ways[place].slow(20_000),
  },
  {
    ...{ name: "blocked", places: ["rabbitmq"], lasts: [8000, 12_000] },
    begin: (_, { setFull }) => setFull(true),
    end: (_, { setFull }) => setFull(false),
  },
  // A silent stall is not mended: it has to be found. Whoever connects anew gets through.
  stall("nothing comes", places, (way) => way.swallow("from server")),
  stall("nothing goes", places, (way) => way.swallow("to server")),
  stall("heartbeats but no fetches", ["kafka"], (way) => way.dropRequests(kafkaFetch)),
];

export type Cycle = { readonly place: Place; readonly fault: Fault };

export type Subject = {
  readonly cluster: Cluster;
  readonly pipeline: Pipeline;
  readonly uploader: Uploader;
  readonly random: Random;
};

/** The bound is generous; the goal is 10 s, and what takes longer is marked. */
const patienceMs = 60_000;
const goalMs = 10_000;

export type CycleResult = {
  readonly text: string;
  readonly problems: readonly string[];
  readonly recoveryMs: number;
  readonly aliveMb: number;
  readonly refused: number;
};

export async function runCycle({ fault, place }: Cycle, subject: Subject): Promise<CycleResult> {
  const { cluster, pipeline, random, uploader } = subject;
  await flowsInFlight(uploader);
  pipeline.vitals();
  const atFault = [...uploader.inFlight];
  const [least, most] = fault.lasts;
  const beganAt = performance.now();
  await fault.begin(place, cluster);
  await wait(least + random() * (most - least));
  const endingAt = performance.now();
  await fault.end(place, cluster);
  const backAt = performance.now();
  const due = [...uploader.inFlight];
  const late = await uploader.ended(due, patienceMs);
  const recoveryMs = performance.now() - backAt;
  const refusals = uploader.refusals();
  const { mb, ms } = pipeline.vitals();
  const aliveMb = await pipeline.aliveMb();
  const seconds = (span: number) => `${(span / 1000).toFixed(1)} s`;
  const startText = backAt - endingAt > 200 ? ` (start ${seconds(backAt - endingAt)})` : "";
  const text = [
    `${place} ${fault.name} for ${seconds(endingAt - beganAt)}${startText}`,
    `${atFault.length} in flight, ${due.length} at the return`,
    `all ended ${seconds(recoveryMs)} after it${recoveryMs > goalMs ? " OVER 10 s" : ""}`,
    ...(refusals.length > 0 ? [`${refusals.length} refused (${refusals[0]})`] : []),
    `${mb.toFixed(0)} MB (${aliveMb.toFixed(0)} alive), answers within ${ms.toFixed(0)} ms`,
  ].join("; ");
  return {
    text,
    aliveMb,
    recoveryMs,
    refused: refusals.length,
    problems: [
      ...late.map(
        (id) => `${place} ${fault.name}: ${id} had not ended ${patienceMs / 1000} s after`,
      ),
      // Recorded is accepted: without a broker uploads are taken all the same.
      ...(place === "s3"
        ? []
        : refusals.map((reason) => `${place} ${fault.name}: refused: ${reason}`)),
    ],
  };
}

async function flowsInFlight({ accepted, inFlight }: Uploader): Promise<void> {
  const before = accepted.size;
  for (const until = Date.now() + patienceMs; Date.now() < until; await wait(5))
    if (inFlight.size >= 10 && accepted.size > before + 20) return;
  throw new Error(`there were ${inFlight.size} flows in flight, and ${accepted.size - before} new`);
}
