import type { Hop, Reporter } from "../ports/reporter.ts";

/** A reporter that stores hops by flow, and passes everything on. */
export type Recorder = Reporter & {
  hopsOf(flowId: string): readonly Hop[];
  /** The first hop of the flow that satisfies `isWanted`, now or later. */
  until(flowId: string, isWanted: (hop: Hop) => boolean): Promise<Hop>;
  forget(flowId: string): void;
};

type Waiter = { isWanted(hop: Hop): boolean; resolve(hop: Hop): void };
type Flow = { readonly hops: Hop[]; readonly waiters: Set<Waiter> };

/** Beyond `flowsMax` the flow that has been there longest is forgotten. */
export function createRecorder(next: Reporter, flowsMax = Number.POSITIVE_INFINITY): Recorder {
  const flows = new Map<string, Flow>();
  const flowOf = (flowId: string): Flow => {
    const known = flows.get(flowId);
    if (known !== undefined) return known;
    const flow: Flow = { hops: [], waiters: new Set() };
    flows.set(flowId, flow);
    const [longest] = flows.keys();
    if (flows.size > flowsMax && longest !== undefined) flows.delete(longest);
    return flow;
  };
  return {
    hop(hop, carried) {
      const flow = flowOf(hop.flowId);
      flow.hops.push(hop);
      next.hop(hop, carried);
      for (const waiter of [...flow.waiters]) {
        if (!waiter.isWanted(hop)) continue;
        flow.waiters.delete(waiter);
        waiter.resolve(hop);
      }
    },
    notice: (notice) => next.notice(notice),
    hopsOf: (flowId) => flowOf(flowId).hops,
    until(flowId, isWanted) {
      const flow = flowOf(flowId);
      const seen = flow.hops.find(isWanted);
      if (seen !== undefined) return Promise.resolve(seen);
      return new Promise((resolve) => flow.waiters.add({ isWanted, resolve }));
    },
    forget: (flowId) => void flows.delete(flowId),
  };
}
