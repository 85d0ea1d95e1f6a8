import type { SeenFlow, SeenStatus } from "../domain/seen-flow.ts";
import { TuError } from "../errors.ts";
import { flowNamed } from "../flows/flow.ts";
import { anyFlow, type FlowStore, type Seen } from "../ports/flow-store.ts";
import type { FlowSummary, TraceReport } from "../reports/flows.ts";
import { toIso } from "../time.ts";
import type { Filter } from "../trace/filter.ts";
import { toStory } from "../trace/story.ts";
import { parentsOf } from "../trace/tree.ts";
import { type Verdict, verdictOn } from "../trace/verdict.ts";

// What was seen of flows, for people: the list of them, and the story of one.

export type FlowPorts = {
  readonly store: FlowStore;
  readonly nowMs: number;
  /** Whether a pipeline that could go on runs here; null if that is not ours to know. */
  readonly isRunning: boolean | null;
};

export type FlowsQuery = {
  readonly statuses: readonly FlowSummary["status"][];
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly where: Filter;
  readonly limit: number;
};

/** The fields of `FlowSummary` that a filter may name. */
export const flowFields = [
  ...["flowId", "flow", "status", "picture", "objectKey", "uploadId", "startedAt", "lastAt"],
  ...["endedAt", "durationMs", "last", "attempts", "failure", "machine", "machineId", "notices"],
  "verdict",
] as const;

const pageSize = 100;

/** Those seen last come first. */
export async function listFlows(
  query: FlowsQuery,
  ports: FlowPorts,
): Promise<{ readonly flows: readonly FlowSummary[]; readonly isMore: boolean }> {
  const { limit, sinceMs, statuses, untilMs, where } = query;
  const flows: FlowSummary[] = [];
  const asked = { sinceMs, untilMs, statuses: storedStatuses(statuses), limit: pageSize };
  let after: SeenFlow | null = null;
  for (;;) {
    const page: readonly SeenFlow[] = await ports.store.list({ ...asked, after });
    for (const about of page) {
      const summary = await summaryOf(about, ports);
      if (!statuses.includes(summary.status) || !where(summary)) continue;
      if (flows.length === limit) return { flows, isMore: true };
      flows.push(summary);
    }
    after = page.at(-1) ?? null;
    if (after === null || page.length < pageSize) return { flows, isMore: false };
  }
}

/** A flow that has not ended may be judged to be stuck or abandoned. */
function storedStatuses(statuses: FlowsQuery["statuses"]): readonly SeenStatus[] {
  const ended = (["completed", "failed"] as const).filter((status) => statuses.includes(status));
  return ended.length === statuses.length ? ended : ["running", ...ended];
}

async function summaryOf(about: SeenFlow, ports: FlowPorts): Promise<FlowSummary> {
  const verdict = judged(about, await ports.store.seenOf(about.flowId), ports);
  return { ...factsOf(about, verdict, ports), verdict: verdict.text };
}

/** Everything that was seen of a flow, and the verdict on it. */
export async function traceOf(
  about: SeenFlow,
  { context }: { readonly context: string },
  ports: FlowPorts,
): Promise<TraceReport> {
  const seen = await ports.store.seenOf(about.flowId);
  const verdict = judged(about, seen, ports);
  const story = toStory(seen.flatMap((one) => (one.type === "hop" ? [one.hop] : [])));
  const parents = parentsOf(story);
  return {
    schema: "tu-analyze/trace@1",
    context,
    ...factsOf(about, verdict, ports),
    hops: story.map((hop, index) => {
      const { at: parent = null, link = null } = parents[index] ?? {};
      return { ...hop, parent, link };
    }),
    remarks: seen.flatMap((one) =>
      one.type === "notice" ? [{ at: toIso(one.atMs), code: one.code, message: one.message }] : [],
    ),
    verdict: { ...verdict, look: [...verdict.look] },
  };
}

function judged(about: SeenFlow, seen: readonly Seen[], ports: FlowPorts): Verdict {
  const hops = seen.flatMap((one) => (one.type === "hop" ? [one.hop] : []));
  const { isRunning, nowMs } = ports;
  return verdictOn({ about, hops, isRunning, nowMs, flow: flowNamed(about.flow) });
}

const states: Readonly<Record<Verdict["state"], FlowSummary["status"]>> = {
  ...{ complete: "completed", failed: "failed" },
  ...{ running: "running", stuck: "stuck", abandoned: "abandoned", unknown: "unknown" },
};

function factsOf(
  about: SeenFlow,
  verdict: Verdict,
  { nowMs }: FlowPorts,
): Omit<FlowSummary, "verdict"> {
  const { endedAtMs, last, lastAtMs, seenAt: _, startedAtMs, status: __, ...rest } = about;
  return {
    ...rest,
    status: states[verdict.state],
    startedAt: toIso(startedAtMs),
    lastAt: toIso(lastAtMs),
    endedAt: endedAtMs === null ? null : toIso(endedAtMs),
    durationMs: (endedAtMs ?? nowMs) - startedAtMs,
    last: last === null ? null : { name: last.name, from: last.from, to: last.to },
  };
}

/**
 * The flow with this id or the beginning of it, or with this object key, upload id or message id. Throws
 * E_FLOW_NOT_FOUND and E_FLOW_AMBIGUOUS.
 */
export async function findFlow(id: string, { store }: Pick<FlowPorts, "store">): Promise<SeenFlow> {
  const found = id === "" ? [] : await store.find(id, 6);
  const [first, second] = found;
  const exact = found.find(({ flowId }) => flowId === id);
  if (exact !== undefined) return exact;
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined)
    throw new TuError("E_FLOW_AMBIGUOUS", `several flows begin with ${id}`, {
      hint: `give more of it: ${found.map(({ flowId }) => flowId).join(", ")}`,
    });
  const ofMessage = await flowWithMessage(id, store);
  if (ofMessage !== undefined) return ofMessage;
  throw new TuError("E_FLOW_NOT_FOUND", `no flow ${id === "" ? '""' : id} was seen`, {
    hint: "list them with `tu-analyze flows`",
  });
}

/** The flow in which a message with this id was seen. They are not indexed: the latest flows are looked through. */
export async function flowWithMessage(id: string, store: FlowStore): Promise<SeenFlow | undefined> {
  if (id.length < shortestMessageId) return undefined;
  const flows = await store.list({ ...anyFlow, limit: flowsLookedThrough });
  for (const about of flows) {
    const seen = await store.seenOf(about.flowId);
    if (seen.some((one) => one.type === "hop" && one.hop.messageId?.startsWith(id))) return about;
  }
  return undefined;
}

const shortestMessageId = 8;
const flowsLookedThrough = 10_000;
