import type { FlowPlace, FlowRetention, KeptFlow } from "../ports/flow-retention.ts";
import type { KeptFlows, StateReport } from "../reports/state.ts";
import { toIso } from "../time.ts";
import type { Kept } from "./keep-state.ts";

const dayMs = 24 * 3_600_000;
/** By the age of the last entry. */
const ages = [
  { upTo: "1d", mostMs: dayMs },
  { upTo: "7d", mostMs: 7 * dayMs },
  { upTo: "30d", mostMs: 30 * dayMs },
  { upTo: null, mostMs: Number.POSITIVE_INFINITY },
] as const;

type About = Pick<StateReport, "directory" | "limits"> & { readonly nowMs: number };

/** The content of a state directory, without file sizes. `kept` is null if there is no state yet. */
export async function describeState(
  kept: Kept | null,
  { directory, limits, nowMs }: About,
): Promise<Omit<StateReport, "sizeBytes">> {
  const schema = "tu-analyze/state@1";
  return { schema, directory, ...(await contentOf(kept, nowMs)), limits };
}

async function contentOf(
  kept: Kept | null,
  nowMs: number,
): Promise<Pick<StateReport, "flows" | "uploads" | "machines" | "objects" | "seen">> {
  if (kept === null) return nothing;
  const flows: KeptFlows[] = [];
  for (const [flow, journal] of kept.journals)
    flows.push(summaryOf(flow, await all(journal), nowMs));
  const [uploads, machines, objects, seen] = await Promise.all([
    kept.uploads.list(),
    kept.machines.count(),
    kept.objects.list(),
    kept.seen.count(),
  ]);
  const pending = uploads.filter(({ status }) => status === "Pending").length;
  return {
    flows,
    uploads: { pending, confirmed: uploads.length - pending },
    machines,
    objects: { objects: objects.length, sizeBytes: sum(objects, ({ sizeBytes }) => sizeBytes) },
    seen: { flows: seen.running + seen.completed + seen.failed },
  };
}
const nothing = {
  flows: [],
  uploads: { pending: 0, confirmed: 0 },
  machines: { machines: 0, sightings: 0 },
  objects: { objects: 0, sizeBytes: 0 },
  seen: { flows: 0 },
};

async function all(journal: FlowRetention): Promise<readonly KeptFlow[]> {
  const found: KeptFlow[] = [];
  let after: FlowPlace = null;
  do {
    const page = await journal.list({ after, limit: 2_000 });
    found.push(...page.flows);
    after = page.next;
  } while (after !== null);
  return found;
}

function summaryOf(flow: string, kept: readonly KeptFlow[], nowMs: number): KeptFlows {
  const finished = kept.filter(({ isFinished }) => isFinished).length;
  const times = kept.map(({ lastAtMs }) => lastAtMs).sort((a, b) => a - b);
  const [oldest, newest] = [times[0], times.at(-1)];
  return {
    flow,
    finished,
    underWay: kept.length - finished,
    entries: sum(kept, ({ entries }) => entries),
    sizeBytes: sum(kept, ({ sizeBytes }) => sizeBytes),
    deadLetters: sum(kept, ({ deadLetters }) => deadLetters),
    oldestAt: oldest === undefined ? null : toIso(oldest),
    newestAt: newest === undefined ? null : toIso(newest),
    ages: ages.map(({ mostMs, upTo }, at) => {
      const leastMs = ages[at - 1]?.mostMs ?? Number.NEGATIVE_INFINITY;
      const within = kept.filter(
        ({ lastAtMs }) => nowMs - lastAtMs > leastMs && nowMs - lastAtMs <= mostMs,
      );
      return { upTo, flows: within.length, sizeBytes: sum(within, ({ sizeBytes }) => sizeBytes) };
    }),
  };
}

function sum<T>(all: readonly T[], numberOf: (one: T) => number): number {
  return all.reduce((total, one) => total + numberOf(one), 0);
}
