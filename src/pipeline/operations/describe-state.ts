import * as z from "zod";
import type { FlowPlace, FlowRetention, KeptFlow } from "../ports/flow-retention.ts";
import { toIso } from "../time.ts";
import type { Kept } from "./keep-state.ts";

const dayMs = 24 * 3_600_000;
/** By how long ago the last entry was recorded. */
const ages = [
  { upTo: "1d", mostMs: dayMs },
  { upTo: "7d", mostMs: 7 * dayMs },
  { upTo: "30d", mostMs: 30 * dayMs },
  { upTo: null, mostMs: Number.POSITIVE_INFINITY },
] as const;

const FlowsOfAge = z.object({
  /** Null: whatever is older. */
  upTo: z.enum(["1d", "7d", "30d"]).nullable(),
  flows: z.int(),
  sizeBytes: z.int(),
});
const KeptFlows = z.object({
  flow: z.string(),
  finished: z.int(),
  underWay: z.int(),
  entries: z.int(),
  sizeBytes: z.int(),
  deadLetters: z.int(),
  /** ISO 8601, UTC; null without flows. */
  oldestAt: z.string().nullable(),
  newestAt: z.string().nullable(),
  ages: z.array(FlowsOfAge),
});
type KeptFlows = z.infer<typeof KeptFlows>;

/** What a state directory keeps, and how large it is. */
export const StateReport = z.object({
  schema: z.literal("tu-analyze/state@1"),
  directory: z.string(),
  /** Of all files, with what finds things in them. */
  sizeBytes: z.int(),
  flows: z.array(KeptFlows),
  uploads: z.object({ pending: z.int(), confirmed: z.int() }),
  machines: z.object({ machines: z.int(), sightings: z.int() }),
  /** As many as keys; equal ones are stored once. */
  objects: z.object({ objects: z.int(), sizeBytes: z.int() }),
  limits: z.object({ keepFor: z.string(), keepFlows: z.union([z.int(), z.literal("unlimited")]) }),
});
export type StateReport = z.infer<typeof StateReport>;

export async function describeState(
  kept: Kept,
  nowMs: number,
): Promise<Omit<StateReport, "schema" | "directory" | "sizeBytes" | "limits">> {
  const flows: KeptFlows[] = [];
  for (const [flow, journal] of kept.journals)
    flows.push(summaryOf(flow, await all(journal), nowMs));
  const [uploads, machines, objects] = await Promise.all([
    kept.uploads.list(),
    kept.machines.count(),
    kept.objects.list(),
  ]);
  const pending = uploads.filter(({ status }) => status === "Pending").length;
  return {
    flows,
    uploads: { pending, confirmed: uploads.length - pending },
    machines,
    objects: { objects: objects.length, sizeBytes: sum(objects, ({ sizeBytes }) => sizeBytes) },
  };
}

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
