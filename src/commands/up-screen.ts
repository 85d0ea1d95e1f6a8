import { type Paint, printable } from "../adapters/terminal/text.ts";
import { createWaitingLine } from "../adapters/terminal/waiting-line.ts";
import { cut } from "../adapters/terminal/width.ts";
import { AnalysisCompleted, endsOfAnalysis } from "../pipeline/contracts/analysis.ts";
import { StepFailed } from "../pipeline/contracts/failure.ts";
import { counted } from "../pipeline/counted.ts";
import type { Message } from "../pipeline/message.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { InstanceReport, LegReport } from "../pipeline/reports/running.ts";
import { toIso } from "../pipeline/time.ts";
import { contextText } from "./cluster.ts";
import type { Settings } from "./config.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { addressLines, stateText } from "./running.ts";
import { type ColourWhen, columns, paintFor } from "./terminal.ts";

/** What a person, or a pipe, sees of a running pipeline: its addresses, and how each flow ended. */
export type UpScreen = {
  readonly reporter: Reporter;
  readonly event: (event: Message) => void;
  broken(legs: readonly LegReport[]): void;
  ready(report: InstanceReport): void;
  close(): void;
};

export function createUpScreen(
  options: {
    readonly output?: Format;
    readonly json?: boolean;
    readonly color?: ColourWhen;
    readonly ephemeral?: boolean;
    readonly only?: readonly string[];
  },
  settings: Settings,
): UpScreen {
  const format = formatOf(options);
  const paint = paintFor("stderr", options.color);
  const stateDir = options.ephemeral === true ? null : settings.stateDir;
  const vision = settings.vision === "local" ? "" : ` · vision ${settings.vision}`;
  const what = `tu-analyze up · ${contextText(settings)}flow ${settings.flow}${vision} · ${stateText(stateDir)}`;
  printDiagnostic(paint("dim", what));
  const waiting = createWaitingLine(process.stderr, () => performance.now());
  waiting.say("starting the pipeline");
  const notice: Reporter["notice"] = ({ code, message }) => {
    waiting.clear();
    printDiagnostic(`${paint("yellow", "!")} ${code}: ${printable(message)}`);
  };
  /** Accepted here, and not ended yet. Only a pipeline with the gateway hears of ends. */
  const running = new Set<string>();
  const hearsEnds = options.only?.includes("graph-gateway") ?? true;
  let toldBefore = "";
  return {
    reporter: {
      hop({ flowId, name }) {
        if (hearsEnds && name === "tu.images.uploaded") running.add(flowId);
      },
      notice,
    },
    event(event) {
      if (!endsOfAnalysis.includes(event.name)) return;
      running.delete(event.flowId);
      if (format === "text")
        printLine(cut(endLine(event, paintFor("stdout", options.color)), columns()));
    },
    broken(legs) {
      const told = legs.map(({ name, problem }) => `${name}: ${problem?.reason}`).join("; ");
      if (told === toldBefore) return;
      toldBefore = told;
      notice({ code: "waiting", message: `not ready: ${told}`, flowId: null });
    },
    ready(report) {
      waiting.close();
      if (format !== "text") return printJson(report, format);
      const shown = paintFor("stdout", options.color);
      for (const line of readyLines(report, shown)) printLine(line);
    },
    close() {
      waiting.close();
      if (running.size === 0) return;
      const them = running.size === 1 ? "it" : "them";
      const next = stateDir === null ? "nothing is stored" : `the next start resumes ${them}`;
      printDiagnostic(`${counted(running.size, "flow")} did not end; ${next}`);
    },
  };
}

function readyLines(report: InstanceReport, paint: Paint): readonly string[] {
  const trips = (report.legs ?? []).map(({ ms, name }) => `${name} ${Math.round(ms ?? 0)} ms`);
  return [
    `${paint("green", "✔ ready")} ${paint("dim", `(${trips.join(", ")}); Ctrl-C stops it`)}`,
    ...addressLines(report),
  ];
}

/** `07:31:22 ✔ 01a204db… Caterpillar · 930G`. */
function endLine({ flowId, name, occurredAt, payload }: Message, paint: Paint): string {
  const time = toIso(Date.parse(occurredAt)).slice(11, 19);
  const isCompleted = name === "analysis.completed";
  const mark = isCompleted ? paint("green", "✔") : paint("red", "✖");
  const text = isCompleted ? machineOf(payload) : failureOf(payload);
  return `${paint("dim", time)} ${mark} ${flowId}  ${printable(text)}`;
}

function machineOf(payload: unknown): string {
  const { data } = AnalysisCompleted.safeParse(payload);
  const verdict = data?.comparison?.verdict;
  const name = data?.recognitionPayload?.aggregate.name ?? "no machine recognised";
  return verdict === undefined ? name : `${name}  ${verdict}`;
}

function failureOf(payload: unknown): string {
  const { data } = StepFailed.safeParse(payload);
  return data === undefined ? "failed" : `${data.step}: ${data.code}: ${data.reason}`;
}
