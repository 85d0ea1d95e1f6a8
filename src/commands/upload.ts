import { basename } from "node:path";
import { readInput } from "../adapters/filesystem/input.ts";
import { hopLine } from "../adapters/terminal/hop-line.ts";
import { reportLines } from "../adapters/terminal/report-lines.ts";
import { createPaint, type Paint, printable } from "../adapters/terminal/text.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { checkImage, tooLarge } from "../pipeline/operations/check-image.ts";
import { upload } from "../pipeline/operations/upload.ts";
import type { RejectedReport, UploadReport } from "../pipeline/operations/upload-report.ts";
import type { Hop, Reporter } from "../pipeline/ports.ts";
import {
  type FaultMode,
  type FaultStep,
  type Faults,
  faultModes,
  faultSteps,
} from "../pipeline/services/faults.ts";
import { imageBytesMax } from "../pipeline/services/image-access.ts";
import { parseDuration } from "../pipeline/time.ts";
import { openPipeline, type Pipeline } from "./compose.ts";
import { loadSettings, type Settings, wantsColour } from "./config.ts";
import { asTuError, errorReport, type Format, printAside, printJson, printLine } from "./output.ts";
import { untilSignal } from "./signals.ts";

/** Options as commander has checked them. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: "auto" | "always" | "never";
  readonly flow?: Settings["flow"];
  readonly fault?: readonly string[];
  readonly timeout?: string;
  readonly stepTimeout?: string;
  readonly concurrency?: string;
  readonly stateDir?: string;
  readonly ephemeral?: boolean;
  readonly timings?: boolean;
};

/** One or more images through the whole pipeline. Resolves with the exit code. */
export async function uploadCommand(paths: readonly string[], options: Options): Promise<number> {
  const settings = await loadSettings({
    stateDir: options.stateDir,
    flow: options.flow,
    timeout: options.timeout,
    concurrency: options.concurrency === undefined ? undefined : Number(options.concurrency),
  });
  const faults = readFaults(options.fault ?? [], settings.flow);
  if (options.stepTimeout !== undefined) requireDuration("--step-timeout", options.stepTimeout);
  const stop = untilSignal();
  const screen = createScreen(paths, options, settings);
  const run: Run = {
    options,
    settings,
    screen,
    signal: stop.signal,
    pipeline: once(() =>
      openPipeline({
        flow: settings.flow,
        stateDir: options.ephemeral === true ? null : settings.stateDir,
        faults,
        stepTimeout: options.stepTimeout ?? null,
        reporter: screen.reporter,
      }),
    ),
  };
  try {
    const outcomes = await uploadAll(paths, run);
    return finish(outcomes, run);
  } finally {
    screen.close();
    await stop.drain(run.pipeline.opened()?.then((pipeline) => pipeline.close()));
  }
}

type Run = {
  readonly options: Options;
  readonly settings: Settings;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  readonly pipeline: Once<Pipeline>;
};
type Outcome =
  | { readonly type: "report"; readonly report: UploadReport }
  | { readonly type: "error"; readonly file: string; readonly error: TuError };

/** A bounded number at once; pictures with the same content one after the other, so that the second is known. */
async function uploadAll(paths: readonly string[], run: Run): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const sameContent = new Map<string, Promise<unknown>>();
  const waiting = [...paths.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, path] = next;
      const outcome = await uploadOne(path, run, sameContent);
      outcomes[index] = outcome;
      if (paths.length > 1) run.screen.outcome(outcome);
    }
  };
  const workers = Math.min(run.settings.concurrency, paths.length);
  await Promise.all(Array.from({ length: workers }, worker));
  await waitForResumed(run);
  return outcomes;
}

async function uploadOne(
  path: string,
  run: Run,
  sameContent: Map<string, Promise<unknown>>,
): Promise<Outcome> {
  try {
    run.signal.throwIfAborted();
    const bytes = await readInput(path, { bytesMax: imageBytesMax, onTooLarge: tooLarge });
    const { createImages } = await import("../adapters/images/images.ts");
    const header = await checkImage(bytes, createImages());
    const pipeline = await run.pipeline.get();
    const checksum = pipeline.digest(bytes);
    const work = async () =>
      upload(
        {
          file: path,
          filename: path === "-" ? `stdin.${header.format}` : basename(path),
          contentType: header.contentType,
          bytes,
          deadlineMs: requireDuration("--timeout", run.settings.timeout),
          signal: run.signal,
          onStarted: (flowId) => run.screen.started(flowId, path),
        },
        pipeline,
      );
    const before = sameContent.get(checksum) ?? Promise.resolve();
    const mine = before.then(work, work);
    sameContent.set(checksum, mine);
    return { type: "report", report: withoutTimings(await mine, run.options) };
  } catch (error) {
    return { type: "error", file: path, error: asTuError(error) };
  }
}

function withoutTimings(report: UploadReport, { timings }: Options): UploadReport {
  if (timings === true) return report;
  const { timings: _, ...rest } = report;
  return rest;
}

/** What a crash left goes on beside the uploads; it gets the same time as they. */
async function waitForResumed({ pipeline, settings, signal }: Run): Promise<void> {
  const opened = await pipeline.opened();
  if (opened === undefined || opened.resumed.length === 0) return;
  const ends = opened.resumed.map((flowId) =>
    opened.recorder.until(
      flowId,
      ({ name, to }) =>
        to === "graph-gateway" && ["analysis.completed", "analysis.failed"].includes(name),
    ),
  );
  const race = new AbortController();
  const deadline = opened.clock
    .sleep(requireDuration("--timeout", settings.timeout), AbortSignal.any([race.signal, signal]))
    .catch(() => undefined); // aborted: by the end of the race, or by a signal that uploadOne reported
  await Promise.race([Promise.all(ends), deadline]);
  race.abort();
}

function finish(outcomes: readonly Outcome[], { options, screen }: Run): number {
  const [only] = outcomes;
  if (outcomes.length === 1 && only !== undefined) {
    if (only.type === "error") throw only.error;
    screen.outcome(only);
    return only.report.status === "completed" ? exitCodes.done : exitCodes.failed;
  }
  const stopped = outcomes.find(
    (outcome) =>
      outcome.type === "error" && ["E_INTERRUPTED", "E_TERMINATED"].includes(outcome.error.code),
  );
  const good = outcomes.filter(isGood).length;
  screen.summary(outcomes, good, options);
  if (stopped?.type === "error") return stopped.error.exitCode;
  if (good === outcomes.length) return exitCodes.done;
  return good > 0 ? exitCodes.partly : exitCodes.failed;
}

function isGood(outcome: Outcome): boolean {
  return outcome.type === "report" && outcome.report.status === "completed";
}

function recordOf(outcome: Outcome): UploadReport | RejectedReport {
  if (outcome.type === "report") return outcome.report;
  const { code, hint, message } = errorReport(outcome.error);
  return {
    schema: "tu-analyze/upload@1",
    file: outcome.file,
    status: "rejected",
    failure: { code, reason: message, hint },
  };
}

// ── what is shown ───────────────────────────────────────────────────────────────────────────────

type Screen = {
  readonly reporter: Reporter;
  started(flowId: string, file: string): void;
  outcome(outcome: Outcome): void;
  summary(outcomes: readonly Outcome[], good: number, options: Options): void;
  close(): void;
};

function createScreen(paths: readonly string[], options: Options, settings: Settings): Screen {
  const format = options.json === true ? "json" : (options.output ?? "text");
  const paint = createPaint(isColoured(options));
  const kept = options.ephemeral === true ? "nothing is kept" : `state ${settings.stateDir} (kept)`;
  if (format === "text" || process.stderr.isTTY) {
    printAside(paint("dim", `tu-analyze upload · flow ${settings.flow} · ${printable(kept)}`));
  }
  return format === "text"
    ? createTextScreen(paths, paint)
    : createJsonScreen(format, paths.length > 1);
}

function createTextScreen(paths: readonly string[], paint: Paint): Screen {
  const files = new Map<string, string>();
  const startedAt = new Map<string, number>();
  const early = new Map<string, Hop[]>();
  const prefixOf = (flowId: string) =>
    paths.length > 1 ? `${paint("cyan", `[${printable(files.get(flowId) ?? "")}]`)} ` : "";
  const show = (hop: Hop) => {
    const start = startedAt.get(hop.flowId) ?? hop.atMs;
    startedAt.set(hop.flowId, start);
    printLine(`${prefixOf(hop.flowId)}${hopLine(hop, hop.atMs - start, paint)}`);
  };
  return {
    reporter: {
      hop(hop) {
        // The first hops of a flow come before its id is known to be ours.
        if (files.has(hop.flowId)) show(hop);
        else early.set(hop.flowId, [...(early.get(hop.flowId) ?? []), hop]);
      },
      notice: ({ code, message }) =>
        printAside(`${paint("yellow", "!")} ${code}: ${printable(message)}`),
      span: () => undefined,
    },
    started(flowId, file) {
      files.set(flowId, file);
      for (const hop of early.get(flowId) ?? []) show(hop);
      early.delete(flowId);
    },
    outcome(outcome) {
      if (outcome.type === "error") {
        const { code, hint, message } = outcome.error;
        printAside(`${printable(outcome.file)}: ${code}: ${printable(message)}`);
        if (hint !== undefined) printAside(`  hint: ${printable(hint)}`);
        return;
      }
      const { report } = outcome;
      for (const line of reportLines(report, paint)) printLine(`${prefixOf(report.flowId)}${line}`);
      for (const { ms, name } of report.timings ?? []) {
        printLine(`${prefixOf(report.flowId)}  ${name.padEnd(20)} ${String(ms).padStart(6)} ms`);
      }
    },
    summary: (outcomes, good) =>
      printLine(
        `\n${good} of ${outcomes.length} images analysed, ${outcomes.length - good} failed`,
      ),
    close: () => undefined,
  };
}

function createJsonScreen(format: Format, isMany: boolean): Screen {
  return {
    reporter: {
      hop: () => undefined,
      notice: ({ code, message }) => printAside(`! ${code}: ${printable(message)}`),
      span: () => undefined,
    },
    started: () => undefined,
    outcome(outcome) {
      if (!isMany || format === "jsonl") printJson(recordOf(outcome), format);
    },
    summary(outcomes, good) {
      if (format === "jsonl") return;
      const uploads = outcomes.map(recordOf);
      const failed = outcomes.length - good;
      printJson({ schema: "tu-analyze/uploads@1", completed: good, failed, uploads }, format);
    },
    close: () => undefined,
  };
}

function isColoured({ color }: Options): boolean {
  if (color === "always") return true;
  return color !== "never" && process.stdout.isTTY && wantsColour();
}

// ── arguments ───────────────────────────────────────────────────────────────────────────────────

function readFaults(given: readonly string[], flow: Settings["flow"]): Faults {
  const known = flow === "current" ? faultSteps.slice(0, 1) : faultSteps;
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

function isStep(text: string | undefined): text is FaultStep {
  return faultSteps.some((step) => step === text);
}

function isMode(text: string | undefined): text is FaultMode {
  return faultModes.some((mode) => mode === text);
}

function requireDuration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new TuError("E_USAGE", `${flag} ${text} is not a duration`, {
    hint: "write it like 500ms, 30s, 10m or 2h",
  });
}

type Once<T> = { get(): Promise<T>; opened(): Promise<T> | undefined };

function once<T>(open: () => Promise<T>): Once<T> {
  let opened: Promise<T> | undefined;
  return {
    get() {
      opened ??= open();
      return opened;
    },
    opened: () => opened,
  };
}
