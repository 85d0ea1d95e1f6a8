import { basename } from "node:path";
import { hopLine } from "../adapters/terminal/hop-line.ts";
import { reportLines } from "../adapters/terminal/report-lines.ts";
import { createPaint, type Paint, printable } from "../adapters/terminal/text.ts";
import { createWaitingLine } from "../adapters/terminal/waiting-line.ts";
import type { Hop, Reporter } from "../pipeline/ports.ts";
import { type Settings, wantsColour } from "./config.ts";
import { type Format, printAside, printError, printJson, printLine } from "./output.ts";
import { isGood, type Outcome, recordOf } from "./upload-outcome.ts";

export type ScreenOptions = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: "auto" | "always" | "never";
  readonly ephemeral?: boolean;
};

/** What a person, or a pipe, sees of an upload while it runs and when it ends. */
export type UploadScreen = {
  readonly format: Format;
  readonly reporter: Reporter;
  started(flowId: string, file: string): void;
  outcome(outcome: Outcome): void;
  summary(outcomes: readonly Outcome[]): void;
  close(): void;
};

export function createUploadScreen(
  paths: readonly string[],
  options: ScreenOptions & { readonly isBatch: boolean },
  settings: Settings,
): UploadScreen {
  const format = options.json === true ? "json" : (options.output ?? "text");
  const paint = createPaint(isColoured(options));
  const kept = options.ephemeral === true ? "nothing is kept" : `state ${settings.stateDir} (kept)`;
  if (format === "text" || process.stderr.isTTY) {
    const vision = settings.vision === "local" ? "" : ` · vision ${settings.vision}`;
    const what = `tu-analyze upload · flow ${settings.flow}${vision} · ${printable(kept)}`;
    printAside(paint("dim", what));
  }
  return format === "text"
    ? createTextScreen(paths, paint)
    : createJsonScreen(format, options.isBatch);
}

function createTextScreen(paths: readonly string[], paint: Paint): UploadScreen {
  const files = new Map<string, string>();
  const startedAt = new Map<string, number>();
  const early = new Map<string, Hop[]>();
  const prefixOf = (flowId: string) =>
    paths.length > 1
      ? `${paint("cyan", `[${printable(basename(files.get(flowId) ?? ""))}]`)} `
      : "";
  const waiting = createWaitingLine(process.stderr, () => performance.now());
  waiting.say("starting the pipeline");
  const show = (hop: Hop) => {
    waiting.say(`waiting after ${printable(hop.name)}`);
    const start = startedAt.get(hop.flowId) ?? hop.atMs;
    startedAt.set(hop.flowId, start);
    printLine(`${prefixOf(hop.flowId)}${hopLine(hop, hop.atMs - start, paint)}`);
  };
  return {
    format: "text",
    reporter: {
      hop(hop) {
        // The first hops of a flow come before its id is known to be ours.
        if (files.has(hop.flowId)) show(hop);
        else early.set(hop.flowId, [...(early.get(hop.flowId) ?? []), hop]);
      },
      notice({ code, message }) {
        waiting.clear();
        printAside(`${paint("yellow", "!")} ${code}: ${printable(message)}`);
      },
    },
    started(flowId, file) {
      if (files.has(flowId)) return;
      files.set(flowId, file);
      for (const hop of early.get(flowId) ?? []) show(hop);
      early.delete(flowId);
    },
    outcome(outcome) {
      waiting.clear();
      if (outcome.type === "error") return sayError(outcome);
      const { report } = outcome;
      for (const line of reportLines(report, paint)) printLine(`${prefixOf(report.flowId)}${line}`);
      for (const { ms, name } of report.timings ?? []) {
        printLine(`${prefixOf(report.flowId)}  ${name.padEnd(20)} ${String(ms).padStart(6)} ms`);
      }
    },
    summary(outcomes) {
      const good = outcomes.filter(isGood).length;
      printLine(
        `\n${good} of ${outcomes.length} images analysed, ${outcomes.length - good} failed`,
      );
    },
    close: () => waiting.close(),
  };
}

function createJsonScreen(format: Format, isBatch: boolean): UploadScreen {
  const waiting = createWaitingLine(process.stderr, () => performance.now());
  waiting.say("starting the pipeline");
  return {
    format,
    reporter: {
      hop: ({ name }) => waiting.say(`waiting after ${printable(name)}`),
      notice({ code, message }) {
        waiting.clear();
        printAside(`! ${code}: ${printable(message)}`);
      },
    },
    started: () => undefined,
    outcome(outcome) {
      waiting.clear();
      if (isBatch && format === "json") return;
      printJson(recordOf(outcome), format);
      if (outcome.type === "error") sayError(outcome);
    },
    summary(outcomes) {
      if (format === "jsonl") return;
      const uploads = outcomes.map(recordOf);
      const completed = outcomes.filter(isGood).length;
      const failed = outcomes.length - completed;
      printJson({ schema: "tu-analyze/uploads@1", completed, failed, uploads }, format);
    },
    close: () => waiting.close(),
  };
}

function sayError({ error, file }: Extract<Outcome, { type: "error" }>): void {
  const { code, hint, message } = error;
  const place = message.includes(file) ? "" : `${file}: `;
  printError({ code, hint, message: `${place}${message}` });
}

function isColoured({ color }: ScreenOptions): boolean {
  if (color === "always") return true;
  return color !== "never" && process.stdout.isTTY && wantsColour();
}
