import { describeError, exitCodes, type TuError } from "../pipeline/errors.ts";
import { once } from "../pipeline/once.ts";
import { requireOneStdin, type VisionFlags, visionFlags } from "./arguments.ts";
import { type Cluster, gatewayUrl, openCluster, requireChangeable } from "./cluster.ts";
import type { Pipeline } from "./compose.ts";
import type { Instance } from "./compose-running.ts";
import { deadlineOf, loadSettings, pipelineSettings, type Settings } from "./config.ts";
import { local } from "./contexts.ts";
import { createUploadScreen } from "./create-upload-screen.ts";
import { mismatchText, readExpectations } from "./expectations.ts";
import { printError } from "./output.ts";
import { createProblems } from "./problems.ts";
import { type StopWords, untilSignal } from "./signals.ts";
import { readFaults, readStepTimeouts } from "./step-options.ts";
import type { Uploaded, UploadRun } from "./upload-images.ts";
import { hasMismatch, isGood, type Outcome, type Successor, stopOf } from "./upload-outcome.ts";
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
    readonly inProcess?: boolean;
    readonly context?: string;
    readonly confirm?: string;
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
  const running = await chooseRunning(options, settings);
  const [instance = null] = running ?? [];
  const flow = instance?.flow ?? settings.flow;
  const gateway = instance === null && isThrough(options) ? gatewayUrl(settings) : null;
  let isAnythingRecorded = false;
  const stop = untilSignal(() => (isAnythingRecorded ? recordedWork : noWork), deadline);
  const isBatch = paths.length > 1 || options.batch === true;
  const about = { ...options, isBatch, running: instance, gateway };
  const screen = createUploadScreen(paths, about, { ...settings, flow });
  const run: UploadRun = {
    isBatch,
    withTimings: options.timings === true,
    successor: gateway === null ? successorOf(options, running) : "cluster",
    settings,
    expectations,
    screen,
    onAccepted: () => {
      isAnythingRecorded = true;
    },
    onOutcomes: (outcomes) => print(outcomes, isBatch, screen),
    signal: stop.signal,
    deadlineMs: deadline.ms,
    preloaded: once(async () => {
      if (running === null) await (await import("./compose-edges.ts")).preloadEdges();
    }),
    pipeline: once(async () => {
      if (running !== null) return openThere(running, settings, screen);
      const cluster = await openCluster(settings);
      if (cluster?.gateway != null && gateway !== null)
        return openThrough(cluster, cluster.gateway, { ...settings, flow }, screen);
      const { openPipeline } = await import("./compose.ts");
      const common = pipelineSettings(settings);
      const pipeline = await openPipeline({
        ...{ cluster, only: null, ...common },
        stateDir: options.ephemeral === true ? null : settings.stateDir,
        faults,
        stepTimeouts,
        vision: { ...common.vision, isForOne: paths.length === 1 },
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

/**
 * The pipeline that runs in this state directory, if the command line asks for nothing that only one of its own can
 * give it, and those that may share its work.
 */
async function chooseRunning(options: Options, settings: Settings): Promise<Running | null> {
  const { ephemeral, fault = [], flow, inProcess, stepTimeout = [] } = options;
  const own = [ephemeral, inProcess, ...Object.values(visionFlags(options))];
  if (own.some((given) => given !== undefined) || fault.length + stepTimeout.length > 0)
    return null;
  const { problemsOf, runningIn } = await import("./compose-running.ts");
  const fitting = (await runningIn(settings.stateDir)).filter(
    (instance) => flow === undefined || instance.flow === flow,
  );
  for (const instance of fitting) {
    if (instance.services["graph-gateway"] === undefined) continue;
    if ((await problemsOf(instance)).length > 0) continue;
    const isOther = (one: Instance) => one !== instance && one.flow === instance.flow;
    // The embedded transports of a process are its own.
    return [instance, ...(settings.context === local ? [] : fitting.filter(isOther))];
  }
  return null;
}
type Running = readonly [Instance, ...Instance[]];

/** Through the gateway of the context, unless an option needs a pipeline of its own. */
const isThrough = ({ ephemeral, inProcess }: Options) => ephemeral !== true && inProcess !== true;

async function openThrough(
  cluster: Cluster,
  gateway: NonNullable<Cluster["gateway"]>,
  { flow, stateDir }: Settings,
  { reporter }: UploadScreen,
): Promise<Pipeline> {
  const { openGateway } = await import("./compose-gateway.ts");
  const onError = (error: unknown) => {
    const { code, reason: message } = describeError(error);
    reporter.notice({ code, message, flowId: null });
  };
  return openGateway(cluster, gateway, { flow, stateDir, reporter, onError });
}

function successorOf({ ephemeral }: Options, running: Running | null): Successor {
  if (running !== null) return "running pipeline";
  return ephemeral === true ? "nobody" : "next start";
}

async function openThere(
  running: Running,
  settings: Settings,
  { reporter }: UploadScreen,
): Promise<Pipeline> {
  const { openRunning } = await import("./compose-running.ts");
  const { context, stateDir } = settings;
  return openRunning(running, { reporter, stateDir, isShared: context !== local });
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
  const { concurrency, context, stateDir, timeout } = options;
  const flags = {
    context,
    stateDir,
    flow: options.flow,
    timeout,
    concurrency,
    ...visionFlags(options),
  };
  const read = await problems.meetLater(() => loadSettings(flags, paths.length));
  const flow = read?.flow ?? options.flow ?? "full";
  const faults = problems.meet(() => readFaults(options.fault ?? [], flow), {});
  const stepTimeouts = problems.meet(() => readStepTimeouts(options.stepTimeout ?? [], flow), {});
  const expectations = problems.meet(
    () => readExpectations(options.expect ?? [], options.expectStatus),
    undefined,
  );
  const settings = problems.settled(read);
  requireChangeable(settings, options.confirm);
  return { deadline: deadlineOf(settings), expectations, faults, settings, stepTimeouts };
}
type Read = Awaited<ReturnType<typeof readOptions>>;
