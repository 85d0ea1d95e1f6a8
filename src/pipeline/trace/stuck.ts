import type { ExpectedHop, Flow } from "../flows/flow.ts";
import type { Hop } from "../ports/reporter.ts";
import type { firstMissing } from "./story.ts";

// Where a flow that has not ended is stuck, for a pipeline some of whose services others run. Of those only what they
// send to ours is seen; their HTTP calls name neither caller nor flow, so calls that ours make for them have no flow.

type Place = {
  /** Whether this pipeline runs the service, and so sees what it receives. */
  readonly runsHere: (service: string) => boolean;
  readonly missingIn: typeof firstMissing;
};

/** `stuck before analysis.started (svc-analysis-orchestrator → graph-gateway), waiting for …` */
export function stuckText(flow: Flow, hops: readonly Hop[], place: Place): string {
  const { missingIn, runsHere } = place;
  const visible = visibleOf(flow.hops, runsHere);
  const missing = missingIn({ ...flow, hops: visible }, hops);
  if (missing === undefined)
    return hops.length === 0 ? "no hop was seen" : "every hop was seen, but not the end";
  const before = `stuck before ${missing.name} (${missing.from} → ${missing.to})`;
  const awaited = awaitedBefore(missing, flow, hops, runsHere);
  if (awaited.length === 0) return before;
  const run = awaited.length === 1 ? "runs" : "run";
  return `${before}, waiting for ${awaited.join(" or ")}, which ${run} elsewhere`;
}

export function visibleOf(
  expected: readonly ExpectedHop[],
  runsHere: Place["runsHere"],
): readonly ExpectedHop[] {
  const isKnown = (party: string) => party === "client" || runsHere(party);
  const namesFlow = (hop: ExpectedHop, index: number): boolean => {
    if (!isKnown(hop.from)) return false;
    const earlier = expected[index - 1];
    const isForAnother = earlier?.transport === "http" && earlier.to === hop.from;
    return !isForAnother || namesFlow(earlier, index - 1);
  };
  return expected.filter((hop, index) => {
    if (hop.transport === "http" && !namesFlow(hop, index)) return false;
    return isKnown(hop.to) || hop.to === "object-store"; // which its callers tell for it
  });
}

/** Services elsewhere that should have received a message before `missing`, or send it, and sent nothing so far. */
function awaitedBefore(
  missing: ExpectedHop,
  { hops: expected }: Flow,
  seen: readonly Hop[],
  runsHere: Place["runsHere"],
): readonly string[] {
  const isSilent = (service: string) => !seen.some(({ from }) => from === service);
  const receivers = expected
    .slice(0, expected.indexOf(missing))
    .filter(({ transport }) => transport === "kafka" || transport === "rabbitmq")
    .map(({ to }) => to)
    .filter(isSilent);
  return [...new Set([...receivers, missing.from])].filter(
    (service) => service !== "client" && !runsHere(service),
  );
}
