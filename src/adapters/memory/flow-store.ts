import { combined, type SeenFlow } from "../../pipeline/domain/seen-flow.ts";
import { type FlowStore, type SeenPart, seenAtMs } from "../../pipeline/ports/flow-store.ts";

/** What was seen of flows, for the lifetime of the process. */
export function createMemoryFlowStore(): FlowStore {
  const flows = new Map<string, SeenFlow>();
  let parts: (SeenPart & { readonly place: number })[] = [];
  let lastPlace = 0;
  const ordered = () =>
    [...flows.values()].sort((a, b) => b.lastAtMs - a.lastAtMs || (a.flowId < b.flowId ? 1 : -1));
  const remove = (flowIds: readonly string[]) => {
    for (const flowId of flowIds) flows.delete(flowId);
    parts = parts.filter(({ about }) => flows.has(about.flowId));
  };
  return {
    async add(added) {
      for (const { about, seen } of added) {
        const known = flows.get(about.flowId);
        flows.set(about.flowId, known === undefined ? about : combined(known, about));
        lastPlace += 1;
        parts.push({ about, seen, place: lastPlace });
      }
    },
    list: async ({ after, limit, sinceMs, statuses, untilMs }) =>
      ordered()
        .filter(({ lastAtMs }) => lastAtMs >= sinceMs && lastAtMs < untilMs)
        .filter(({ status }) => statuses.includes(status))
        .filter((flow) => after === null || follows(flow, after))
        .slice(0, limit),
    async count() {
      const counts = { running: 0, completed: 0, failed: 0 };
      for (const { status } of flows.values()) counts[status] += 1;
      return counts;
    },
    find: async (prefix, limit) =>
      ordered()
        .filter(
          ({ flowId, objectKey, uploadId }) =>
            flowId.startsWith(prefix) || objectKey === prefix || uploadId === prefix,
        )
        .slice(0, limit),
    seenOf: async (flowId) =>
      parts
        .filter(({ about }) => about.flowId === flowId)
        .flatMap(({ seen }) => seen)
        .sort((a, b) => seenAtMs(a) - seenAtMs(b)),
    end: async () => lastPlace,
    added: async ({ after, limit, sinceMs }) =>
      parts
        .filter(({ place, seen }) => place > after && seen.some((one) => seenAtMs(one) >= sinceMs))
        .slice(0, limit)
        .map((part) => ({ ...part, about: flows.get(part.about.flowId) ?? part.about })),
    remove: async (flowIds) => remove(flowIds),
    async prune({ beforeMs, most }) {
      const kept = ordered().slice(0, most ?? Number.POSITIVE_INFINITY);
      const isKept = (flow: SeenFlow) =>
        kept.includes(flow) && (beforeMs === null || flow.lastAtMs >= beforeMs);
      const gone = [...flows.values()].filter((flow) => !isKept(flow));
      remove(gone.map(({ flowId }) => flowId));
      return gone.length;
    },
    async clear() {
      flows.clear();
      parts = [];
    },
    compact: async () => undefined,
  };
}

const follows = (
  { flowId, lastAtMs }: SeenFlow,
  after: { readonly lastAtMs: number; readonly flowId: string },
) => lastAtMs < after.lastAtMs || (lastAtMs === after.lastAtMs && flowId < after.flowId);
