import type { FlowName } from "../contracts/contract.ts";

/** How a flow stands, as far as it was seen. */
export type SeenStatus = "running" | "completed" | "failed";

/** What was seen of one flow, in short. Times are in milliseconds since the epoch. */
export type SeenFlow = {
  readonly flowId: string;
  readonly flow: FlowName;
  readonly status: SeenStatus;
  readonly objectKey: string | null;
  readonly uploadId: string | null;
  /** The file name that the client gave. */
  readonly picture: string | null;
  readonly startedAtMs: number;
  readonly lastAtMs: number;
  readonly endedAtMs: number | null;
  /** The latest arrival. */
  readonly last: {
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly atMs: number;
  } | null;
  /** The highest attempt of any step; 1 if none was repeated. */
  readonly attempts: number;
  readonly failure: {
    readonly step: string;
    readonly code: string;
    readonly reason: string;
  } | null;
  readonly machine: {
    readonly name: string | null;
    readonly confidence: number;
    readonly verdict: string | null;
  } | null;
  /** The stored machine in its picture. */
  readonly machineId: string | null;
  /** How many remarks were made about it: redeliveries, parked messages, failures that were repaired. */
  readonly notices: number;
  /** The services whose arrivals were seen, in order; or `everyMessage`. */
  readonly seenAt: readonly string[];
};

/** In `seenAt`: a tap on the transports sees what any service receives there. */
export const everyMessage = "*";

/** In `seenAt`: of what was before, only the records of the log could be read. A queue keeps no history. */
export const onlyRecords = "kafka";

/**
 * What two observations of one flow add up to. The order does not matter, except among those of the same time, and of
 * facts that contradict each other.
 */
export function combined(a: SeenFlow, b: SeenFlow): SeenFlow {
  const [earlier, later] = b.lastAtMs < a.lastAtMs ? [b, a] : [a, b];
  const end = firstEnd(a, b);
  return {
    ...later,
    status: end?.status ?? "running",
    endedAtMs: end?.endedAtMs ?? null,
    objectKey: later.objectKey ?? earlier.objectKey,
    uploadId: later.uploadId ?? earlier.uploadId,
    picture: later.picture ?? earlier.picture,
    startedAtMs: Math.min(a.startedAtMs, b.startedAtMs),
    last: latest(earlier.last, later.last),
    attempts: Math.max(a.attempts, b.attempts),
    failure: end?.failure ?? null,
    machine: later.machine ?? earlier.machine,
    machineId: later.machineId ?? earlier.machineId,
    notices: a.notices + b.notices,
    seenAt: [...new Set([...a.seenAt, ...b.seenAt])].toSorted(),
  };
}

function latest(a: SeenFlow["last"], b: SeenFlow["last"]): SeenFlow["last"] {
  return a !== null && (b === null || a.atMs > b.atMs) ? a : (b ?? a);
}

/** A flow ends once; a second end is seen in its story, and changes nothing. */
function firstEnd(a: SeenFlow, b: SeenFlow): SeenFlow | undefined {
  const ended = [a, b].filter(({ endedAtMs }) => endedAtMs !== null);
  return ended.toSorted((one, other) => (one.endedAtMs ?? 0) - (other.endedAtMs ?? 0))[0];
}
