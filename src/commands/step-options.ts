import { closest } from "../pipeline/closest.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { TuError } from "../pipeline/errors.ts";
import {
  type FaultMode,
  type FaultStep,
  type Faults,
  faultModes,
  faultSteps,
} from "../pipeline/steps/faults.ts";
import { parseDuration } from "../pipeline/time.ts";
import { createProblems } from "./problems.ts";

// The options that change the steps of a flow, for the commands that run one.

/** Throws E_USAGE naming every problem. */
export function readFaults(given: readonly string[], flow: FlowName): Faults {
  const problems = createProblems();
  const read = problems.meetEach(given, (text) => readFault(text, flow));
  return Object.fromEntries(problems.settled(read));
}

function readFault(text: string, flow: FlowName): readonly [FaultStep, FaultMode] {
  const known = stepsOf(flow);
  const [step, mode, ...others] = text.split("=");
  if (isStep(step) && isMode(mode) && known.includes(step) && others.length === 0)
    return [step, mode];
  const form = `use <step>=<mode>: step is ${known.join(", ")}; mode is ${faultModes.join(", ")}`;
  const guess = closest(
    text,
    known.flatMap((each) => faultModes.map((every) => `${each}=${every}`)),
  );
  throw new TuError("E_USAGE", `--fault ${text} is not valid in flow ${flow}`, {
    hint: guess === undefined ? form : `did you mean ${guess}? ${form}`,
  });
}

/** `300ms` for every step, `comparison=300ms` for one; later ones win. Throws E_USAGE naming every problem. */
export function readStepTimeouts(
  given: readonly string[],
  flow: FlowName,
): Readonly<Record<string, string>> {
  const problems = createProblems();
  const read = problems.meetEach(given, (text) => readStepTimeout(text, flow));
  return Object.fromEntries(problems.settled(read).flat());
}

function readStepTimeout(text: string, flow: FlowName): readonly (readonly [FaultStep, string])[] {
  const steps = stepsOf(flow);
  const at = text.indexOf("=");
  const step = at === -1 ? undefined : text.slice(0, at);
  const timeout = text.slice(at + 1);
  const problems = createProblems();
  if (step !== undefined) problems.meet(() => requireStep(text, step, flow), undefined);
  problems.meet(() => requireDuration(text, timeout), undefined);
  const chosen = steps.filter((each) => step === undefined || each === step);
  return problems.settled(chosen).map((each) => [each, timeout]);
}

function requireDuration(text: string, timeout: string): void {
  if ((parseDuration(timeout) ?? 0) > 0) return;
  throw new TuError("E_USAGE", `--step-timeout ${text}: ${timeout} must be a duration above 0`, {
    hint: "use a duration such as 300ms, 30s or 10m",
  });
}

function requireStep(text: string, step: string, flow: FlowName): void {
  const steps = stepsOf(flow);
  if (isStep(step) && steps.includes(step)) return;
  const guess = closest(step, steps);
  const form = steps.length === 1 ? `its step is ${steps[0]}` : `its steps are ${steps.join(", ")}`;
  throw new TuError("E_USAGE", `--step-timeout ${text}: flow ${flow} has no step ${step}`, {
    hint: guess === undefined ? form : `did you mean ${guess}? ${form}`,
  });
}

function stepsOf(flow: FlowName): readonly FaultStep[] {
  return flow === "current" ? ["recognition"] : faultSteps;
}

function isStep(text: string | undefined): text is FaultStep {
  return faultSteps.some((step) => step === text);
}

function isMode(text: string | undefined): text is FaultMode {
  return faultModes.some((mode) => mode === text);
}
