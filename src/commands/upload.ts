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
import { parseDuration } from "../pipeline/time.ts";
import { requireOneStdin, type VisionFlags, visionFlags } from "./arguments.ts";
import {
  deadlineOf,
  doorOptions,
  keepLimits,
  loadSettings,
  type Settings,
  visionOptions,
} from "./config.ts";
import { createUploadScreen } from "./create-upload-screen.ts";
import { mismatchText, readExpectations } from "./expectations.ts";
import { printError } from "./output.ts";
import { createProblems } from "./problems.ts";
import { type StopWords, untilSignal } from "./signals.ts";
import type { Uploaded, UploadRun } from "./upload-images.ts";
import { hasMismatch, isGood, type Outcome, stopOf } from "./upload-outcome.ts";
import type { ScreenOptions, UploadScreen } from "./upload-screen.ts";
import type { Work } from "./work.ts";

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

/** One or more images through the whole pipeline. */
export async function uploadCommand(paths: readonly string[], options: Options): Promise<Work> {
  const read = await readOptions(paths, options);
  return () => upload(paths, options, read);
}

async function upload(paths: readonly string[], options: Options, read: Read): Promise<number> {
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
        serving: null,
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
  const { concurrency, stateDir, timeout } = options;
  const flags = { stateDir, flow: options.flow, timeout, concurrency, ...visionFlags(options) };
  const read = await problems.meetLater(() => loadSettings(flags, paths.length));
  const flow = read?.flow ?? options.flow ?? "full";
  const faults = problems.meet(() => readFaults(options.fault ?? [], flow), {});
  const stepTimeouts = problems.meet(() => readStepTimeouts(options.stepTimeout ?? [], flow), {});
  const expectations = problems.meet(
    () => readExpectations(options.expect ?? [], options.expectStatus),
    undefined,
  );
  const settings = problems.settled(read);
  return { deadline: deadlineOf(settings), expectations, faults, settings, stepTimeouts };
}
type Read = Awaited<ReturnType<typeof readOptions>>;

/** Throws E_USAGE naming every problem. */
function readFaults(given: readonly string[], flow: Settings["flow"]): Faults {
  const problems = createProblems();
  const read = problems.meetEach(given, (text) => readFault(text, flow));
  return Object.fromEntries(problems.settled(read));
}

function readFault(text: string, flow: Settings["flow"]): readonly [FaultStep, FaultMode] {
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
function readStepTimeouts(
  given: readonly string[],
  flow: Settings["flow"],
): Readonly<Record<string, string>> {
  const problems = createProblems();
  const read = problems.meetEach(given, (text) => readStepTimeout(text, flow));
  return Object.fromEntries(problems.settled(read).flat());
}

function readStepTimeout(
  text: string,
  flow: Settings["flow"],
): readonly (readonly [FaultStep, string])[] {
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

function requireStep(text: string, step: string, flow: Settings["flow"]): void {
  const steps = stepsOf(flow);
  if (isStep(step) && steps.includes(step)) return;
  const guess = closest(step, steps);
  const form = steps.length === 1 ? `its step is ${steps[0]}` : `its steps are ${steps.join(", ")}`;
  throw new TuError("E_USAGE", `--step-timeout ${text}: flow ${flow} has no step ${step}`, {
    hint: guess === undefined ? form : `did you mean ${guess}? ${form}`,
  });
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
