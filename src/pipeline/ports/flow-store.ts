import type { StoredWire } from "../delivery/stored-wire.ts";
import type { SeenFlow, SeenStatus } from "../domain/seen-flow.ts";
import type { Hop } from "./reporter.ts";

/** A message as it travelled. */
export type Travelled = {
  /** `kafka:<topic>/<partition>/<offset>` or `rabbitmq:<queue>`. */
  readonly origin: string;
  /** The object key; empty if unknown. */
  readonly subject: string;
  readonly wire: StoredWire;
};

/** One thing that was seen of a flow. */
export type Seen =
  | { readonly type: "hop"; readonly hop: Hop; readonly travelled: Travelled | null }
  | {
      readonly type: "notice";
      readonly flowId: string;
      readonly atMs: number;
      readonly code: string;
      readonly message: string;
    };

/** When it was seen, in milliseconds since the epoch. */
export const seenAtMs = (seen: Seen): number => (seen.type === "hop" ? seen.hop.atMs : seen.atMs);

/** What was seen of one flow since the last time. */
export type SeenPart = { readonly about: SeenFlow; readonly seen: readonly Seen[] };

/** What a page of flows must be. */
export type FlowQuery = {
  readonly statuses: readonly SeenStatus[];
  /** Seen last in this period, in milliseconds since the epoch; the end is not part of it. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly limit: number;
  /** Goes on after this flow of an earlier page; null begins with the one that was seen last. */
  readonly after: { readonly lastAtMs: number; readonly flowId: string } | null;
};

/** Any flow, from the one that was seen last on. */
export const anyFlow: Omit<FlowQuery, "limit"> = {
  statuses: ["running", "completed", "failed"],
  sinceMs: 0,
  untilMs: Number.POSITIVE_INFINITY,
  after: null,
};

/** A place in the order in which parts were added. */
export type SeenPlace = number;

/** What was seen of flows, for people: it decides nothing, and a flow goes on whatever is kept of it. */
export interface FlowStore {
  /** Adds parts, together. Several processes may do so at once. */
  add(parts: readonly SeenPart[]): Promise<void>;
  /** Those seen last come first. */
  list(query: FlowQuery): Promise<readonly SeenFlow[]>;
  count(): Promise<Readonly<Record<SeenStatus, number>>>;
  /** Flows whose id begins with `prefix`, or whose object key or upload id is that text; at most `limit`. */
  find(prefix: string, limit: number): Promise<readonly SeenFlow[]>;
  /** Everything that was seen of a flow, in the order of time; empty if it is unknown. */
  seenOf(flowId: string): Promise<readonly Seen[]>;
  /** The end of the order. */
  end(): Promise<SeenPlace>;
  /** Parts added after `after` that have something seen at `sinceMs` or later, in order; at most `limit`. */
  added(query: {
    readonly after: SeenPlace;
    readonly sinceMs: number;
    readonly limit: number;
  }): Promise<readonly (SeenPart & { readonly place: SeenPlace })[]>;
  remove(flowIds: readonly string[]): Promise<void>;
  /** Removes flows seen last before `beforeMs`, and the oldest beyond `most`; null is no limit. Resolves with their number. */
  prune(limits: {
    readonly beforeMs: number | null;
    readonly most: number | null;
  }): Promise<number>;
  clear(): Promise<void>;
  /** Reclaims the space of what was removed, which cannot be read afterwards. Throws E_STATE_BUSY. */
  compact(): Promise<void>;
}
