import { TuError } from "../errors.ts";
import { type StepWork, silence } from "./analysis-step.ts";

/** Faults that can be injected into a step, to see how the rest of the system reacts. */
export const faultModes = ["fail", "fail-once", "timeout"] as const;
export type FaultMode = (typeof faultModes)[number];
export const faultSteps = ["recognition", "comparison", "metadata"] as const;
export type FaultStep = (typeof faultSteps)[number];
export type Faults = Readonly<Partial<Record<FaultStep, FaultMode>>>;

/** The same work with a fault injected: it fails, fails on the first attempt, or never replies. */
export function withFault(step: FaultStep, mode: FaultMode | undefined, work: StepWork): StepWork {
  if (mode === undefined) return work;
  return async (message, attempt, signal) => {
    if (mode === "timeout") return silence;
    if (mode === "fail-once" && attempt > 1) return work(message, attempt, signal);
    throw new TuError("E_FAULT_INJECTED", `injected fault in ${step}: ${mode}`);
  };
}
