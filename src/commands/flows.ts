import { tableLines } from "../adapters/terminal/table.ts";
import { type Paint, printable } from "../adapters/terminal/text.ts";
import { statusLooks } from "../adapters/terminal/trace-lines.ts";
import { closest } from "../pipeline/closest.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { type FlowPorts, flowFields, listFlows } from "../pipeline/operations/flows.ts";
import { type FlowSummary, type FlowsReport, flowStates } from "../pipeline/reports/flows.ts";
import { durationText } from "../pipeline/time.ts";
import { readFilter } from "../pipeline/trace/filter.ts";
import { readCount } from "./arguments.ts";
import { loadSettings, type Settings } from "./config.ts";
import { local } from "./contexts.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";
import { createProblems } from "./problems.ts";
import { type ColourWhen, columns, paintFor } from "./terminal.ts";
import { readWhen } from "./trace-options.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly context?: string;
  readonly stateDir?: string;
  readonly status?: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly where?: readonly string[];
  readonly limit?: string;
};

const defaultLimit = 20;

/** The flows that were seen, latest first. */
export async function listFlowsCommand(options: Options): Promise<Work> {
  const problems = createProblems();
  const { context, stateDir } = options;
  const read = await problems.meetLater(() => loadSettings({ context, stateDir }));
  const given = options.status ?? flowStates;
  const statuses = problems.meetEach(given, readStatus).filter((status) => status !== undefined);
  const sinceMs = problems.meet(() => readWhen("--since", options.since, 0), 0);
  const forever = Number.POSITIVE_INFINITY;
  const untilMs = problems.meet(() => readWhen("--until", options.until, forever), forever);
  const limit = problems.meet(() => readCount("--limit", options.limit, defaultLimit), 0);
  const text = (options.where ?? []).join(" ");
  const where = problems.meet(
    () => readFilter(text, flowFields),
    () => true,
  );
  const settings = problems.settled(read);
  return async () => {
    const query = { statuses, sinceMs, untilMs, limit, where };
    const report = await withFlows(settings, async (ports): Promise<FlowsReport> => {
      const { flows, isMore } = await listFlows(query, ports);
      const counts = await ports.store.count();
      const { context: name } = settings;
      return { schema: "tu-analyze/flows@1", context: name, counts, flows: [...flows], isMore };
    });
    print(options, report, settings);
    return exitCodes.done;
  };
}

function readStatus(text: string): FlowSummary["status"] {
  const status = flowStates.find((one) => one === text);
  if (status !== undefined) return status;
  const guess = closest(text, flowStates);
  throw new TuError("E_USAGE", `--status ${text} must be one of ${flowStates.join(", ")}`, {
    ...(guess === undefined ? {} : { hint: `did you mean ${guess}?` }),
  });
}

/** What was seen in the context's state directory. */
export async function withFlows<T>(
  { context, stateDir }: Settings,
  use: (ports: FlowPorts) => Promise<T>,
  /** Of what is yet to come there must be a file to look into. */
  what: "kept" | "kept and to come" = "kept",
): Promise<T> {
  const { openSeen, openStore } = await import("./compose-seen.ts");
  const { runningIn } = await import("./compose-running.ts");
  const store = await (what === "kept" ? openSeen : openStore)(stateDir);
  try {
    // On a cluster, others may go on with it.
    const isRunning = context === local ? (await runningIn(stateDir)).length > 0 : null;
    return await use({ store, isRunning, nowMs: Date.now() });
  } finally {
    await store.close();
  }
}

function print(options: Options, report: FlowsReport, { stateDir }: Settings): void {
  const format = formatOf(options);
  if (format === "jsonl")
    for (const flow of report.flows) printJson({ schema: "tu-analyze/flow@1", ...flow }, format);
  else if (format === "json") printJson(report, format);
  else for (const line of textLines(report, stateDir, options)) printLine(line);
}

function textLines(
  { counts, flows, isMore }: FlowsReport,
  stateDir: string,
  options: Options,
): readonly string[] {
  const paint = paintFor("stdout", options.color);
  const { completed, failed, running } = counts;
  const all = completed + failed + running;
  if (all === 0)
    return [
      `no flow was seen in ${printable(stateDir)} yet; \`tu-analyze upload <image>\` starts one`,
    ];
  const total = `${all} seen: ${completed} completed, ${failed} failed, ${running} not ended`;
  if (flows.length === 0) return [`no flow fits; ${total}`];
  const rows = flows.map((flow) => rowOf(flow, paint));
  return [
    ...tableLines(rows, columns()),
    paint("dim", `${total}${isMore ? "; more fit, see --limit" : ""}`),
  ];
}

function rowOf(flow: FlowSummary, paint: Paint): readonly string[] {
  const [mark, style] = statusLooks[flow.status];
  const { durationMs, flowId, lastAt, machine, picture, status, verdict } = flow;
  const result = status === "completed" ? (machine?.name ?? "no machine recognised") : verdict;
  const took = status === "completed" || status === "failed" ? durationText(durationMs) : "";
  return [
    `${paint(style, mark)} ${flowId.slice(0, 13)}`,
    lastAt.slice(0, 19).replace("T", " "),
    status,
    took,
    printable(picture ?? "-"),
    printable(result),
  ];
}
