import * as z from "zod";
import { ComparisonCompleted } from "../contracts/comparison.ts";
import { flowNames } from "../contracts/contract.ts";
import { StepFailed } from "../contracts/failure.ts";
import { MetadataSorted } from "../contracts/metadata.ts";
import { RecognitionCompleted } from "../contracts/recognition.ts";
import { Machine } from "./machines.ts";

export const Hop = z.object({
  name: z.string(),
  kind: z.enum(["command", "event", "timer", "request", "write"]),
  transport: z.string(),
  from: z.string(),
  to: z.string(),
  at: z.iso.datetime(),
  sincePreviousMs: z.number(),
  messageId: z.string().nullable(),
  causationId: z.string().nullable(),
  note: z.string().nullable(),
});

/** The recognition, as far as the flow's messages carry it: `current` has neither evidence nor weight. */
const Recognition = RecognitionCompleted.partial({ objectKey: true }).extend({
  provider: RecognitionCompleted.shape.provider.partial({
    reasoningModel: true,
    reasoningName: true,
  }),
  aggregate: RecognitionCompleted.shape.aggregate.partial({
    weight: true,
    year: true,
    attachment: true,
  }),
});

/** A difference from `--expect`. `actual` is null for no value. */
const Mismatch = z.object({
  field: z.string(),
  expected: z.string(),
  actual: z.string().nullable(),
});
export type Mismatch = z.infer<typeof Mismatch>;

/** Output of `upload -o json` for one image. */
export const UploadReport = z.object({
  schema: z.literal("tu-analyze/upload@1"),
  file: z.string(),
  flowId: z.string(),
  flow: z.enum(flowNames),
  objectKey: z.string(),
  status: z.enum(["completed", "failed"]),
  durationMs: z.number(),
  /** An earlier run left the flow; hops and duration are those since it resumed. */
  isResumed: z.boolean().optional(),
  hops: z.array(Hop),
  result: z.object({
    recognition: Recognition.nullable(),
    comparison: ComparisonCompleted.nullable(),
    metadata: MetadataSorted.nullable(),
    machine: Machine.nullable(),
  }),
  failure: StepFailed.omit({ objectKey: true }).optional(),
  timings: z.array(z.object({ name: z.string(), ms: z.number() })).optional(),
  /** Only with `--expect` or `--expect-status`; empty if everything matches. */
  mismatches: z.array(Mismatch).optional(),
});
export type UploadReport = z.infer<typeof UploadReport>;

/** Its output for an image that never became a flow. */
export const RejectedReport = z.object({
  schema: z.literal("tu-analyze/upload@1"),
  file: z.string(),
  status: z.literal("rejected"),
  failure: z.object({
    code: z.string(),
    reason: z.string(),
    hint: z.string().nullable(),
  }),
});
export type RejectedReport = z.infer<typeof RejectedReport>;

/** Its output for an image whose analysis was not followed to its end. */
export const UnfinishedReport = z.object({
  schema: z.literal("tu-analyze/upload@1"),
  file: z.string(),
  /**
   * `accepted`: the flow resumes at the next start. `unknown`: it was being confirmed. `abandoned`: it was in
   * progress, and nothing is stored.
   */
  status: z.enum(["accepted", "unknown", "abandoned", "not-started"]),
  flowId: z.string().nullable(),
  failure: RejectedReport.shape.failure,
});
export type UnfinishedReport = z.infer<typeof UnfinishedReport>;
