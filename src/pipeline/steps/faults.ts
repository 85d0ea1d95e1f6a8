import { TuError } from "../errors.ts";
import { type StepWork, silence } from "./analysis-step.ts";

/** Faults that can be put into a step, to see what the rest of the system does. */
export const faultModes = ["fail", "fail-once", "timeout"] as const;
export type FaultMode = (typeof faultModes)[number];
export const faultSteps = ["recognition", "comparison", "metadata"] as const;
export type FaultStep = (typeof faultSteps)[number];
export type Faults = Readonly<Partial<Record<FaultStep, FaultMode>>>;

/** The same work with a fault in it: it fails, fails at the first attempt, or never answers. */
export function withFault(step: FaultStep, mode: FaultMode | undefined, work: StepWork): StepWork {
  if (mode === undefined) return work;
  return async (message, attempt, signal) => {
    if (mode === "timeout") return silence;
    if (mode === "fail-once" && attempt > 1) return work(message, attempt, signal);
    throw new TuError("E_FAULT_INJECTED", `injected fault in ${step}: ${mode}`);
  };
}
