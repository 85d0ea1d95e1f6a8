import { closest } from "../pipeline/closest.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { once } from "../pipeline/once.ts";
import {
  type FaultMode,
  type FaultStep,
  type Faults,
  faultModes,
  faultSteps,
} from "../pipeline/steps/faults.ts";
import { requireDuration, requireOneStdin, type VisionFlags, visionSettings } from "./arguments.ts";
import { doorOptions, keepLimits, loadSettings, type Settings, visionOptions } from "./config.ts";
import { createUploadScreen } from "./create-upload-screen.ts";
import { mismatchText, readExpectations } from "./expectations.ts";
import { printError } from "./output.ts";
import { type StopWords, untilSignal } from "./signals.ts";
import type { Uploaded, UploadRun } from "./upload-images.ts";
import { hasMismatch, isGood, type Outcome, stopOf } from "./upload-outcome.ts";
import type { ScreenOptions, UploadScreen } from "./upload-screen.ts";
import { createProblems } from "./usage.ts";

/** Options as validated by commander. */
type Options = ScreenOptions &
  VisionFlags & {
    readonly flow?: Settings["flow"];
    readonly fault?: readonly string[];
    readonly timeout?: string;
    readonly stepTimeout?: readonly string[];
    readonly concurrency?: string;
    readonly stateDir?: string;
    readonly timings?: boolean;
    readonly batch?: boolean;
    readonly expect?: readonly string[];
    readonly expectStatus?: "completed" | "failed";
  };

const recordedWork: StopWords = { now: "finishing work in progress" };
const noWork: StopWords = { now: "stopping" };

/** One or more images through the whole pipeline. Resolves with the exit code. */
export async function uploadCommand(paths: readonly string[], options: Options): Promise<number> {
  const read = await readOptions(paths, options);
  const { deadline, expectations, faults, settings, stepTimeouts } = read;
  let isAnythingRecorded = false;
  const stop = untilSignal(() => (isAnythingRecorded ? recordedWork : noWork), deadline);
  const isBatch = paths.length > 1 || options.batch === true;
  const screen = createUploadScreen(paths, { ...options, isBatch }, settings);
  const run: UploadRun = {
    isBatch,
    withTimings: options.timings === true,
    isKept: options.ephemeral !== true,
    settings,
    expectations,
    screen,
    onAccepted: () => {
      isAnythingRecorded = true;
    },
    onOutcomes: (outcomes) => print(outcomes, isBatch, screen),
    signal: stop.signal,
    deadlineMs: deadline.ms,
    preloaded: once(async () => (await import("./compose-edges.ts")).preloadEdges()),
    pipeline: once(async () => {
      const { openPipeline } = await import("./compose.ts");
      const pipeline = await openPipeline({
        flow: settings.flow,
        stateDir: options.ephemeral === true ? null : settings.stateDir,
        faults,
        stepTimeouts,
        vision: { ...visionOptions(settings), isForOne: paths.length === 1 },
        limits: keepLimits(settings),
        door: doorOptions(settings),
        timeoutMs: deadline.ms,
        signal: stop.signal,
        reporter: screen.reporter,
      });
      isAnythingRecorded ||= pipeline.resumed().length > 0;
      return pipeline;
    }),
  };
  try {
    // Its modules take longer to load than the line above took to appear.
    const { uploadImages } = await import("./upload-images.ts");
    return finish(await uploadImages(paths, run), isBatch, screen.format);
  } finally {
    screen.close();
    const opened = run.pipeline.opened();
    const toldBefore = () => undefined; // its callers have received the error
    await stop.drain(opened?.then((pipeline) => pipeline.close(), toldBefore));
  }
}

function print(outcomes: readonly Outcome[], isBatch: boolean, screen: UploadScreen): void {
  const [only] = outcomes;
  if (isBatch || only === undefined) screen.summary(outcomes);
  else if (!isThrown(only, isBatch, screen.format)) screen.outcome(only, 0);
  // The table shows them already.
  if (!isBatch || screen.format !== "text") for (const outcome of outcomes) sayMismatches(outcome);
}

/** In JSON lines a single record has the same shape as several. */
function isThrown(outcome: Outcome, isBatch: boolean, format: UploadScreen["format"]) {
  return !isBatch && outcome.type === "error" && format !== "jsonl";
}

/** Resolves with the exit code; throws what prevented the only image. */
function finish(
  { outcomes, stopped }: Uploaded,
  isBatch: boolean,
  format: UploadScreen["format"],
): number {
  const [only] = outcomes;
  // The outcomes are printed; a second document would not parse.
  if (stopped !== undefined) printError(stopped);
  if (!isBatch && only?.type === "error") {
    if (isThrown(only, isBatch, format)) throw only.error;
    return only.error.exitCode;
  }
  return exitCodeOf(outcomes, stopped ?? outcomes.map(stopOf).find((stop) => stop !== undefined));
}

function sayMismatches(outcome: Outcome): void {
  if (outcome.type === "error") return;
  const { file, mismatches = [] } = outcome.report;
  for (const mismatch of mismatches)
    printError({ code: "E_EXPECTATION", message: `${file}: ${mismatchText(mismatch)}` });
}

function exitCodeOf(outcomes: readonly Outcome[], stopped: TuError | undefined): number {
  if (stopped !== undefined) return stopped.exitCode;
  if (outcomes.some(hasMismatch)) return exitCodes.failed;
  const good = outcomes.filter(isGood).length;
  if (good === outcomes.length) return exitCodes.done;
  return good > 0 ? exitCodes.partly : exitCodes.failed;
}

/** Reports all problems of a command line together. Throws E_USAGE and E_CONFIG. */
async function readOptions(paths: readonly string[], options: Options) {
  const problems = createProblems();
  problems.meet(() => requireOneStdin(paths), undefined);
  const concurrency = problems.meet(() => readConcurrency(options.concurrency), undefined);
  const vision = problems.meet(() => visionSettings(options), undefined);
  const settings = await problems.meetLater(() =>
    loadSettings(
      {
        stateDir: options.stateDir,
        flow: options.flow,
        timeout: options.timeout,
        concurrency,
        ...vision,
      },
      paths.length,
    ),
  );
  const flow = settings?.flow ?? options.flow ?? "full";
  const timeout = settings?.timeout ?? "2m";
  const deadlineMs = problems.meet(() => requireDuration("--timeout", timeout), 0);
  const faults = problems.meet(() => readFaults(options.fault ?? [], flow), {});
  const stepTimeouts = problems.meet(() => readStepTimeouts(options.stepTimeout ?? [], flow), {});
  const expectations = problems.meet(
    () => readExpectations(options.expect ?? [], options.expectStatus),
    undefined,
  );
  problems.throwIfAny();
  if (settings === undefined) throw new TuError("E_BUG", "settings without a problem are missing");
  return {
    deadline: { ms: deadlineMs, text: timeout },
    expectations,
    faults,
    settings,
    stepTimeouts,
  };
}

function readConcurrency(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^(?:[1-9]|1[0-6])$/.test(text)) return Number(text);
  throw new TuError("E_USAGE", `--concurrency ${text} must be a whole number from 1 to 16`, {
    hint: "the default is 2",
  });
}

function readFaults(given: readonly string[], flow: Settings["flow"]): Faults {
  const known = stepsOf(flow);
  return Object.fromEntries(
    given.map((text) => {
      const [step, mode] = text.split("=");
      if (isStep(step) && isMode(mode) && known.includes(step)) return [step, mode];
      const form = `use <step>=<mode>: step is ${known.join(", ")}; mode is ${faultModes.join(", ")}`;
      const guess = closest(
        text,
        known.flatMap((each) => faultModes.map((every) => `${each}=${every}`)),
      );
      throw new TuError("E_USAGE", `--fault ${text} is not valid in flow ${flow}`, {
        hint: guess === undefined ? form : `did you mean ${guess}? ${form}`,
      });
    }),
  );
}

/** `300ms` for every step, `comparison=300ms` for one; later ones win. */
function readStepTimeouts(
  given: readonly string[],
  flow: Settings["flow"],
): Readonly<Record<string, string>> {
  const steps = stepsOf(flow);
  return Object.fromEntries(
    given.flatMap((text) => {
      const [first = "", second] = text.split("=");
      const [step, timeout] = second === undefined ? [undefined, first] : [first, second];
      requireDuration("--step-timeout", timeout);
      if (step === undefined) return steps.map((every) => [every, timeout] as const);
      if (isStep(step) && steps.includes(step)) return [[step, timeout] as const];
      throw new TuError("E_USAGE", `flow ${flow} has no step ${step}`, {
        hint: `its steps are ${steps.join(", ")}`,
      });
    }),
  );
}

function stepsOf(flow: Settings["flow"]): readonly FaultStep[] {
  return flow === "current" ? ["recognition"] : faultSteps;
}

function isStep(text: string | undefined): text is FaultStep {
  return faultSteps.some((step) => step === text);
}

function isMode(text: string | undefined): text is FaultMode {
  return faultModes.some((mode) => mode === text);
}
