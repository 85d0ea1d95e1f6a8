import * as z from "zod";
import { broadcast, command, stepListeners } from "./contract.ts";
import { failureCounterpart } from "./failure.ts";
import { RecognitionCompleted, recognitionExamples } from "./recognition.ts";
import { checksumPattern } from "./upload.ts";

export const ComparisonRequest = z.object({
  objectKey: z.string(),
  recognition: RecognitionCompleted,
  /** From the upload event. Absent for instances of an earlier definition. */
  bytes: z.int().nonnegative().nullish(),
  checksum: z.string().nullish(),
});
export type ComparisonRequest = z.infer<typeof ComparisonRequest>;

export const Verdict = z.enum(["new", "known", "ambiguous"]);

export const ComparisonCompleted = z.object({
  objectKey: z.string(),
  verdict: Verdict,
  /** Of the compared picture, `sha256:` and hex. It determines which machine is stored. */
  checksum: z.string().regex(checksumPattern).optional(),
  /** Best first. `known` means that the first match is the machine. */
  matches: z.array(
    z.object({
      machineId: z.string(),
      score: z.number().min(0).max(1),
      reasons: z.array(z.string()),
    }),
  ),
});
export type ComparisonCompleted = z.infer<typeof ComparisonCompleted>;

const example: ComparisonCompleted = {
  objectKey: recognitionExamples.whole.objectKey,
  verdict: "ambiguous",
  checksum: `sha256:${"7c0e".repeat(16)}`,
  matches: [
    {
      machineId: "019ad2c0-6a51-7c1e-9d0f-5a3f0c2b7e11",
      score: 0.6,
      reasons: ["same brand and model", "another picture"],
    },
  ],
};

export const comparisonRequest = command({
  name: "analysis.comparison.request",
  summary: "Compare the recognised machine with the stored ones.",
  handler: "comparison-service",
  queue: "comparison-service.comparison",
  body: ComparisonRequest,
  example: {
    objectKey: example.objectKey,
    recognition: recognitionExamples.whole,
    bytes: 271804,
    checksum: `sha256:${"7c0e".repeat(16)}`,
  },
});

export const comparisonCompleted = broadcast({
  name: "comparison.completed",
  summary: "The verdict: new, known or ambiguous.",
  producer: "comparison-service",
  flows: ["full"],
  listeners: stepListeners,
  body: ComparisonCompleted,
  example,
});

export const comparisonFailed = failureCounterpart({
  step: "comparison",
  producer: "comparison-service",
  flows: ["full"],
  summary: "A comparison attempt failed.",
});
