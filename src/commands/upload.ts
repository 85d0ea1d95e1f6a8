import { exitCodes, TuError } from "../pipeline/errors.ts";
import {
  type FaultMode,
  type FaultStep,
  type Faults,
  faultModes,
  faultSteps,
} from "../pipeline/services/faults.ts";
import { requireDuration, requireOneStdin, type VisionFlags, visionSettings } from "./arguments.ts";
import { doorOptions, keepLimits, loadSettings, type Settings, visionOptions } from "./config.ts";
import { createUploadScreen } from "./create-upload-screen.ts";
import { mismatchText, readExpectations } from "./expectations.ts";
import { once } from "./once.ts";
import { printError } from "./output.ts";
import { type StopWords, untilSignal } from "./signals.ts";
import type { Uploaded, UploadRun } from "./upload-images.ts";
import { hasMismatch, isGood, type Outcome, stopOf } from "./upload-outcome.ts";
import type { ScreenOptions, UploadScreen } from "./upload-screen.ts";

/** Options as commander has checked them. */
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

const recordedWork: StopWords = { now: "finishing what is under way" };
const noWork: StopWords = { now: "stopping" };

/** One or more images through the whole pipeline. Resolves with the exit code. */
export async function uploadCommand(paths: readonly string[], options: Options): Promise<number> {
  requireOneStdin(paths);
  if (options.concurrency !== undefined && !/^\d{1,2}$/.test(options.concurrency)) {
    throw new TuError("E_USAGE", `--concurrency ${options.concurrency} is no number of images`, {
      hint: "write a whole number from 1 to 16",
    });
  }
  const settings = await loadSettings(
    {
      stateDir: options.stateDir,
      flow: options.flow,
      timeout: options.timeout,
      concurrency: options.concurrency === undefined ? undefined : Number(options.concurrency),
      ...visionSettings(options),
    },
    paths.length,
  );
  const { timeout } = settings;
  const deadline = { ms: requireDuration("--timeout", timeout), text: timeout };
  const faults = readFaults(options.fault ?? [], settings.flow);
  const expectations = readExpectations(options.expect ?? [], options.expectStatus);
  const stepTimeouts = readStepTimeouts(options.stepTimeout ?? [], settings.flow);
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
    signal: stop.signal,
    preloaded: once(async () => (await import("./compose.ts")).preload()),
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
      isAnythingRecorded ||= pipeline.resumed.length > 0;
      return pipeline;
    }),
  };
  try {
    // What it brings along takes longer to load than the line above took to appear.
    const { uploadImages } = await import("./upload-images.ts");
    return finish(await uploadImages(paths, run), isBatch, screen);
  } finally {
    screen.close();
    const opened = run.pipeline.opened();
    const toldBefore = () => undefined; // whoever asked for it heard why it did not open
    await stop.drain(opened?.then((pipeline) => pipeline.close(), toldBefore));
  }
}

function finish({ outcomes, stopped }: Uploaded, isBatch: boolean, screen: UploadScreen): number {
  const [only] = outcomes;
  if (isBatch || only === undefined) screen.summary(outcomes);
  else {
    // In lines one record has the shape of many.
    if (only.type === "error" && screen.format !== "jsonl") throw only.error;
    screen.outcome(only, 0);
    if (only.type === "error") return only.error.exitCode;
  }
  // In a table they stand already.
  if (!isBatch || screen.format !== "text") for (const outcome of outcomes) sayMismatches(outcome);
  // The outcomes are told; a second document would not parse.
  if (stopped !== undefined) printError(stopped);
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

function readFaults(given: readonly string[], flow: Settings["flow"]): Faults {
  const known = stepsOf(flow);
  return Object.fromEntries(
    given.map((text) => {
      const [step, mode] = text.split("=");
      if (isStep(step) && isMode(mode) && known.includes(step)) return [step, mode];
      throw new TuError("E_USAGE", `--fault ${text} is not understood in flow ${flow}`, {
        hint: `write <step>=<mode>: step is ${known.join(", ")}; mode is ${faultModes.join(", ")}`,
      });
    }),
  );
}

/** `300ms` for every step, `comparison=300ms` for one; the later ones win. */
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
