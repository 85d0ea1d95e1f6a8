import * as z from "zod";
import { flowNames } from "../contracts/contract.ts";
import { Hop } from "./upload.ts";

/** How a flow stands. The last three are verdicts on one that has not ended. */
export const flowStates = [
  "running",
  "completed",
  "failed",
  "stuck",
  "abandoned",
  "unknown",
] as const;

/** One flow, as far as it was seen. Times are ISO 8601, UTC. */
const Flow = z.object({
  flowId: z.string(),
  flow: z.enum(flowNames),
  status: z.enum(flowStates),
  /** The file name that the client gave. */
  picture: z.string().nullable(),
  objectKey: z.string().nullable(),
  uploadId: z.string().nullable(),
  startedAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** To its end, or so far. */
  durationMs: z.number(),
  /** The latest arrival. */
  last: z.object({ name: z.string(), from: z.string(), to: z.string() }).nullable(),
  /** The highest attempt of any step. */
  attempts: z.int(),
  failure: z.object({ step: z.string(), code: z.string(), reason: z.string() }).nullable(),
  machine: z
    .object({
      name: z.string().nullable(),
      confidence: z.number(),
      verdict: z.string().nullable(),
    })
    .nullable(),
  machineId: z.string().nullable(),
  notices: z.int(),
  /** What became of it, in a sentence. */
  verdict: z.string(),
});
export type FlowSummary = z.infer<typeof Flow>;

export const FlowReport = Flow.extend({ schema: z.literal("tu-analyze/flow@1") });
export type FlowReport = z.infer<typeof FlowReport>;

export const FlowsReport = z.object({
  schema: z.literal("tu-analyze/flows@1"),
  context: z.string(),
  counts: z.object({ running: z.int(), completed: z.int(), failed: z.int() }),
  flows: z.array(Flow),
  /** Whether there are more that fit. */
  isMore: z.boolean(),
});
export type FlowsReport = z.infer<typeof FlowsReport>;

/** An arrival, and what led to it. */
const TracedHop = Hop.extend({
  /** The position of what led to it in `hops`; null if nothing that was seen did. */
  parent: z.int().nullable(),
  /** `causation`: it names its cause. `sender`: what its sender had received last. */
  link: z.enum(["causation", "sender"]).nullable(),
});
export type TracedHop = z.infer<typeof TracedHop>;

const Notice = z.object({ at: z.iso.datetime(), code: z.string(), message: z.string() });

const Verdict = z.object({
  state: z.enum(["complete", "failed", "running", "stuck", "abandoned", "unknown"]),
  /** The rule that gave it. */
  rule: z.string(),
  text: z.string(),
  missing: z
    .object({
      name: z.string(),
      from: z.string(),
      to: z.string(),
      transport: z.string(),
      place: z.string().nullable(),
      sinceMs: z.number(),
    })
    .nullable(),
  look: z.array(z.string()),
});

/** Everything that was seen of one flow. */
export const TraceReport = Flow.omit({ verdict: true }).extend({
  schema: z.literal("tu-analyze/trace@1"),
  context: z.string(),
  hops: z.array(TracedHop),
  remarks: z.array(Notice),
  verdict: Verdict,
});
export type TraceReport = z.infer<typeof TraceReport>;
