import * as z from "zod";

const FlowsOfAge = z.object({
  /** Null: older than that. */
  upTo: z.enum(["1d", "7d", "30d"]).nullable(),
  flows: z.int(),
  sizeBytes: z.int(),
});
const KeptFlows = z.object({
  flow: z.string(),
  finished: z.int(),
  underWay: z.int(),
  entries: z.int(),
  sizeBytes: z.int(),
  deadLetters: z.int(),
  /** ISO 8601, UTC; null without flows. */
  oldestAt: z.string().nullable(),
  newestAt: z.string().nullable(),
  ages: z.array(FlowsOfAge),
});
export type KeptFlows = z.infer<typeof KeptFlows>;

/** The content of a state directory, and its size. */
export const StateReport = z.object({
  schema: z.literal("tu-analyze/state@1"),
  directory: z.string(),
  /** Of all files, indexes included. */
  sizeBytes: z.int(),
  flows: z.array(KeptFlows),
  uploads: z.object({ pending: z.int(), confirmed: z.int() }),
  machines: z.object({ machines: z.int(), sightings: z.int() }),
  /** One per key; identical ones are stored once. */
  objects: z.object({ objects: z.int(), sizeBytes: z.int() }),
  /** Flows of which something was seen, for `flows` and `trace`. Absent in what earlier versions printed. */
  seen: z.object({ flows: z.int() }).optional(),
  limits: z.object({ keepFor: z.string(), keepFlows: z.union([z.int(), z.literal("unlimited")]) }),
});
export type StateReport = z.infer<typeof StateReport>;

/** An inconsistency: `about` and `id` locate it, `problem` describes it. */
const StateProblem = z.object({
  about: z.enum(["journal", "object", "machine", "upload"]),
  id: z.string(),
  problem: z.string(),
});
export type StateProblem = z.infer<typeof StateProblem>;

export const StateVerification = z.object({
  schema: z.literal("tu-analyze/state-verification@1"),
  checked: z.object({ flows: z.int(), objects: z.int(), sightings: z.int(), uploads: z.int() }),
  problems: z.array(StateProblem),
});
export type StateVerification = z.infer<typeof StateVerification>;

/** What was removed, or would be. */
export const PruneReport = z.object({
  schema: z.literal("tu-analyze/state-prune@1"),
  isDryRun: z.boolean(),
  flows: z.array(
    z.object({ flow: z.string(), flowId: z.string(), lastAt: z.string(), sizeBytes: z.int() }),
  ),
  uploads: z.array(z.string()),
  objects: z.array(z.object({ key: z.string(), sizeBytes: z.int() })),
});
export type PruneReport = z.infer<typeof PruneReport>;
export const ClearReport = z.object({
  schema: z.literal("tu-analyze/state-clear@1"),
  directory: z.string(),
  flows: z.int(),
  uploads: z.int(),
  objects: z.int(),
  machinesKept: z.int(),
  machinesRemoved: z.int(),
});
export type ClearReport = z.infer<typeof ClearReport>;
