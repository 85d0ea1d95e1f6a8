// P2: flows per second through the whole shell, 256 in flight, compared with the other sides. P4: a single flow with
// everything to itself, from its first message to its end. docs/figures.md describes what each side does for a flow.
import { performance } from "node:perf_hooks";
import { openBullmq } from "./bullmq.ts";
import { openDbos } from "./dbos.ts";
import { inDirectory } from "./engine.ts";
import { openGraphileWorker } from "./graphile-worker.ts";
import {
  byTurns,
  type Figure,
  type Goal,
  type Sample,
  sampleOf,
  secondsOf,
  spread,
} from "./measure.ts";
import { openRestate } from "./restate.ts";
import { openShell, type Shell } from "./shell.ts";
import { openTemporal } from "./temporal.ts";

type Peer = {
  readonly name: string;
  readonly open: (directory: string) => Promise<Shell | null>;
  /** In addition to `npm ci --ignore-scripts --prefix bench/peers`. */
  readonly needs: string | null;
  /** A slow side runs fewer flows per round, so that a run ends. */
  readonly share: number;
};
type Side = { readonly name: string; readonly shell: Shell; readonly share: number };
type Rounds = { readonly rounds: number; readonly flows: number };

const inFlight = 256;
const peers: readonly Peer[] = [
  { name: "BullMQ", open: openBullmq, needs: "redis-server", share: 1 },
  { name: "Graphile Worker", open: openGraphileWorker, needs: "postgresql", share: 0.5 },
  { name: "DBOS", open: openDbos, needs: "postgresql", share: 0.5 },
  { name: "Restate", open: openRestate, needs: null, share: 0.5 },
  { name: "Temporal", open: openTemporal, needs: "the temporal command", share: 0.1 },
];

export function wholeFlows(rounds: number, flows: number): Promise<readonly Figure[]> {
  return inDirectory((directory) =>
    withPeers(peers, async (theirs) => {
      const shell = await openShell(directory);
      const sides = [{ name: "ours", shell, share: 1 }, ...theirs];
      try {
        return [
          ...(await throughput(sides, { rounds, flows })),
          ...(await latency(sides, { rounds, flows: Math.min(50, flows / 10) })),
        ];
      } finally {
        await shell.close();
      }
    }),
  );
}

async function withPeers<T>(
  [peer, ...rest]: readonly Peer[],
  work: (sides: readonly Side[]) => Promise<T>,
): Promise<T> {
  if (peer === undefined) return work([]);
  const { name, needs, open, share } = peer;
  return inDirectory(async (directory) => {
    const shell = await open(directory);
    if (shell === null) {
      const install = "`npm ci --ignore-scripts --prefix bench/peers`";
      const all = needs === null ? install : `${needs} and ${install}`;
      console.log(`P2, P4: ${name} left out: it needs ${all}`);
      return withPeers(rest, work);
    }
    try {
      return await withPeers(rest, (others) => work([{ name, shell, share }, ...others]));
    } finally {
      await shell.close();
    }
  });
}

async function throughput(sides: readonly Side[], { flows, rounds }: Rounds): Promise<Figure[]> {
  const flowsOf = ({ share }: Side) => Math.ceil(flows * share);
  const samples = await byTurns(
    rounds,
    sides.map((side) => async () => {
      return flowsOf(side) / (await secondsOf(() => runMany(side.shell, flowsOf(side))));
    }),
  );
  return against(sides, samples, ({ side, ours, theirs, value }) => ({
    ...{ id: "P2", what: `flows/s over ${side.name}'s`, value },
    ...(side.name === "BullMQ" ? goal("≥ 10", value >= 10) : {}),
    detail: `${spread(ours, "flows/s")} over ${spread(theirs, "flows/s")}, ${inFlightOf(flows, flowsOf(side))}`,
  }));
}

function inFlightOf(ours: number, theirs: number): string {
  const [left, right] = [Math.min(inFlight, ours), Math.min(inFlight, theirs)];
  return left === right ? `${left} in flight` : `${left} in flight over ${right}`;
}

async function latency(sides: readonly Side[], { flows, rounds }: Rounds): Promise<Figure[]> {
  const samples = await byTurns(
    rounds,
    sides.map(({ shell }) => async () => {
      const each: number[] = [];
      for (let flow = 0; flow < flows; flow += 1) {
        const startedAt = performance.now();
        await shell.run();
        each.push(performance.now() - startedAt);
      }
      return sampleOf(each).median;
    }),
  );
  return against(sides, samples, ({ side, ours, theirs, value }) => ({
    ...{ id: "P4", what: `latency of an idle flow over ${side.name}'s`, value },
    ...(side.name === "BullMQ" ? goal("≤ 0.40", value <= 0.4) : {}),
    detail: `p50 ${spread(ours, "ms")} over ${spread(theirs, "ms")}`,
  }));
}

type Ratio = {
  readonly side: Side;
  readonly value: number;
  readonly ours: Sample;
  readonly theirs: Sample;
};

function against(
  sides: readonly Side[],
  [ours, ...samples]: readonly Sample[],
  figureOf: (ratio: Ratio) => Figure,
): Figure[] {
  return samples.flatMap((theirs, at) => {
    const side = sides[at + 1];
    if (ours === undefined || side === undefined) return [];
    return [figureOf({ side, value: ours.median / theirs.median, ours, theirs })];
  });
}

function goal(text: string, isMet: boolean): Goal {
  return { goal: text, isMet };
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
