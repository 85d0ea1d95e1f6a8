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
  return flow.hops.find((expected) => !isSeen(expected, hops));
}

/**
 * The hop after the last one seen, for a flow whose earlier hops another run saw. Undefined: none was seen, or the
 * last one was.
 */
export function nextMissing(flow: Flow, hops: readonly Hop[]): ExpectedHop | undefined {
  const last = flow.hops.findLastIndex((expected) => isSeen(expected, hops));
  return last === -1 ? undefined : flow.hops[last + 1];
}

/** Whether a hop that the flow declares is among those. */
export const isSeen = ({ from, name, to }: ExpectedHop, hops: readonly Hop[]) =>
  hops.some((hop) => hop.name === name && hop.from === from && hop.to === to);

function isSameArrival(a: Hop, b: Hop): boolean {
  return a === b || (a.messageId !== null && a.messageId === b.messageId && a.to === b.to);
}
