import * as z from "zod";
import { ComparisonCompleted } from "./comparison.ts";
import { broadcast, flowNames } from "./contract.ts";
import { MetadataSorted } from "./metadata.ts";
import { RecognitionPayload, recognitionExamples } from "./recognition.ts";

export const AnalysisStarted = z.object({ objectKey: z.string() });

/** Flow `current` writes only the first two fields, as today. */
export const AnalysisCompleted = z.object({
  success: z.boolean(),
  recognitionPayload: RecognitionPayload.nullable().default(null),
  objectKey: z.string().optional(),
  comparison: ComparisonCompleted.optional(),
  metadata: MetadataSorted.optional(),
  /** The stored machine in this picture, if the verdict is `known`. */
  machineId: z.string().nullable().optional(),
});
export type AnalysisCompleted = z.infer<typeof AnalysisCompleted>;

/** The events that end an analysis. */
export const endsOfAnalysis: readonly string[] = ["analysis.completed", "analysis.failed"];

const objectKey = recognitionExamples.whole.objectKey;

export const analysisStarted = broadcast({
  name: "analysis.started",
  summary: "The orchestrator has received the upload and runs its analysis.",
  producer: "svc-analysis-orchestrator",
  flows: flowNames,
  listeners: [{ service: "graph-gateway", queue: "graph.subs.started", isEphemeral: true }],
  body: AnalysisStarted,
  example: { objectKey },
});

export const analysisCompleted = broadcast({
  name: "analysis.completed",
  summary: "The analysis completed, with its result.",
  producer: "svc-analysis-orchestrator",
  flows: flowNames,
  listeners: [
    { service: "graph-gateway", queue: "graph.subs.completed", isPerInstance: true },
    { service: "svc-machine-storage", flows: ["full"] },
  ],
  body: AnalysisCompleted,
  example: {
    success: true,
    recognitionPayload: recognitionExamples.slim,
    objectKey,
    comparison: { objectKey, verdict: "new", matches: [] },
    metadata: {
      objectKey,
      image: { format: "png", width: 1280, height: 960, colours: [] },
      entries: [],
    },
  },
});
