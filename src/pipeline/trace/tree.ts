import type { StoryHop } from "./story.ts";

// What led to what. A message names the message that caused it; a request names nothing, and is attributed to the
// last thing that its sender had received.

/** How an arrival is known to follow from its parent: it says so, or by sender and time. */
export type CauseLink = "causation" | "sender" | null;

export type TreeNode<H = StoryHop> = {
  readonly hop: H;
  readonly link: CauseLink;
  readonly children: readonly TreeNode<H>[];
};

type Linked = Pick<StoryHop, "from" | "to" | "messageId" | "causationId">;

/** The arrivals of a story, in order of time, as trees; what nothing led to is a root. */
export function toTree<H extends Linked>(hops: readonly H[]): readonly TreeNode<H>[] {
  const parents = parentsOf(hops);
  const childrenOf = (parent: number | null): readonly TreeNode<H>[] =>
    hops.flatMap((hop, index) => {
      const { at, link } = parents[index] ?? noParent;
      return at === parent ? [{ hop, link, children: childrenOf(index) }] : [];
    });
  return childrenOf(null);
}

/** What led to each arrival, by its position in the story. */
export const parentsOf = (hops: readonly Linked[]): readonly Parent[] =>
  hops.map((hop, index) => parentOf(hop, index, hops));

type Parent = { readonly at: number | null; readonly link: CauseLink };
const noParent: Parent = { at: null, link: null };

function parentOf(hop: Linked, index: number, hops: readonly Linked[]): Parent {
  const earlier = hops.slice(0, index);
  if (hop.causationId !== null) {
    const causes = earlier.map(({ messageId }) => messageId === hop.causationId);
    // The one that reached the sender, of the arrivals of one message.
    const atSender = earlier.findLastIndex(({ to }, at) => causes[at] === true && to === hop.from);
    const anywhere = causes.lastIndexOf(true);
    if (atSender !== -1 || anywhere !== -1)
      return { at: atSender === -1 ? anywhere : atSender, link: "causation" };
  }
  const received = earlier.findLastIndex(({ to }) => to === hop.from);
  return received === -1 ? noParent : { at: received, link: "sender" };
}
