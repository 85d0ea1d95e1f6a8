import * as z from "zod";
import {
  broadcast,
  type Contract,
  type FlowName,
  flowNames,
  type Listener,
  type ServiceName,
  stepListeners,
} from "./contract.ts";

/** The failure counterpart of every success event. `attempt` counts from 1. */
export const StepFailed = z.object({
  objectKey: z.string(),
  step: z.string(),
  code: z.string(),
  reason: z.string(),
  retryable: z.boolean(),
  attempt: z.int().positive(),
  attempts: z.int().positive(),
});
export type StepFailed = z.infer<typeof StepFailed>;

/** Declares a failure counterpart. */
export function failureCounterpart(options: {
  step: string;
  producer: ServiceName;
  flows: readonly FlowName[];
  summary: string;
  listeners?: readonly Listener[];
}): Contract {
  return broadcast({
    name: `${options.step}.failed`,
    summary: options.summary,
    producer: options.producer,
    flows: options.flows,
    listeners: options.listeners ?? stepListeners,
    body: StepFailed,
    example: {
      objectKey: "images/2025/12/03/9e4c1a77-2f0b-4d6e-b1c8-6a5d3f90e2b1.png",
      step: options.step === "analysis" ? "recognition" : options.step,
      code: "E_FETCH_FAILED",
      reason: "the object store answered 503",
      retryable: true,
      attempt: 3,
      attempts: 3,
    },
  });
}

export const analysisFailed = failureCounterpart({
  step: "analysis",
  producer: "svc-analysis-orchestrator",
  flows: flowNames,
  listeners: [{ service: "graph-gateway", isPerInstance: true }],
  summary: "The analysis failed; names the step and the reason.",
});
