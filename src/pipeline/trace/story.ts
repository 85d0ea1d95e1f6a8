import type { ExpectedHop, Flow } from "../flows/flow.ts";
import type { Hop } from "../ports/reporter.ts";
import { toIso } from "../time.ts";

/** One line of a story, as published in JSON. */
export type StoryHop = Omit<Hop, "flowId" | "atMs"> & {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly sincePreviousMs: number;
};

/** Hops in chronological order, each arrival once: a redelivery is not a second hop. */
export function toStory(hops: readonly Hop[]): readonly StoryHop[] {
  const once = hops.filter(
    (hop, index) => hops.findIndex((other) => isSameArrival(hop, other)) === index,
  );
  const ordered = once.toSorted((a, b) => a.atMs - b.atMs);
  return ordered.map(({ atMs, flowId: _, ...hop }, index) => ({
    ...hop,
    at: toIso(atMs),
    sincePreviousMs: atMs - (ordered[index - 1]?.atMs ?? atMs),
  }));
}

/** The first hop that the flow must show and the story lacks; undefined if all are present. */
export function firstMissing(flow: Flow, hops: readonly Hop[]): ExpectedHop | undefined {
  return flow.hops.find(
    (expected) =>
      !hops.some(
        (hop) => hop.name === expected.name && hop.from === expected.from && hop.to === expected.to,
      ),
  );
}

function isSameArrival(a: Hop, b: Hop): boolean {
  return a === b || (a.messageId !== null && a.messageId === b.messageId && a.to === b.to);
}
