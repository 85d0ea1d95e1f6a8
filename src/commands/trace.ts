import { recordLine, type ShownRecord } from "../adapters/terminal/record-line.ts";
import { printable } from "../adapters/terminal/text.ts";
import { type TraceShape, traceLines } from "../adapters/terminal/trace-lines.ts";
import { describeError, exitCodes, TuError } from "../pipeline/errors.ts";
import { type FlowPorts, findFlow, traceOf } from "../pipeline/operations/flows.ts";
import {
  type AnyRecord,
  eachRecord,
  type RecordQuery,
} from "../pipeline/operations/trace-records.ts";
import { orAborted } from "../pipeline/or-aborted.ts";
import type { TraceReport } from "../pipeline/reports/flows.ts";
import { parseDuration } from "../pipeline/time.ts";
import { readFilter } from "../pipeline/trace/filter.ts";
import { recordFields, withoutBody } from "../pipeline/trace/records.ts";
import { readCount } from "./arguments.ts";
import { openCluster } from "./cluster.ts";
import type { Watch } from "./compose-tap.ts";
import { loadSettings, type Settings } from "./config.ts";
import { withFlows } from "./flows.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { createProblems } from "./problems.ts";
import { untilSignal } from "./signals.ts";
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
  readonly format?: TraceShape;
  readonly since?: string;
  readonly until?: string;
  readonly follow?: boolean;
  readonly where?: readonly string[];
  readonly count?: string;
  readonly idle?: string;
  readonly body?: boolean;
};

/** One flow and the verdict on it; or, without an id, everything that was seen in a period. */
export async function traceCommand(id: string | undefined, options: Options): Promise<Work> {
  const problems = createProblems();
  const { context, stateDir } = options;
  const read = await problems.meetLater(() => loadSettings({ context, stateDir }));
  const query = readQuery(id, options, problems);
  const settings = problems.settled(read);
  if (id !== undefined && formatOf(options) !== "jsonl" && options.follow !== true)
    return () => traceOne(id, options, settings);
  return () => traceAll(id ?? null, { ...options, query }, settings);
}

/** One flow. */
export async function showFlowCommand(id: string, options: Options): Promise<Work> {
  const { context, stateDir } = options;
  const settings = await loadSettings({ context, stateDir });
  return () => traceOne(id, options, settings);
}

function readQuery(
  id: string | undefined,
  options: Options,
  problems: ReturnType<typeof createProblems>,
): Omit<RecordQuery, "flowId"> {
  const isAny = id === undefined && options.since === undefined && options.follow !== true;
  if (isAny)
    problems.add(
      new TuError("E_USAGE", "neither a flow nor a period is given", {
        hint: "name a flow (see `tu-analyze flows`), or use --since 10m, or --follow",
      }),
    );
  const isFollowed = options.follow === true;
  const from = id === undefined && isFollowed ? Date.now() : 0;
  const forever = Number.POSITIVE_INFINITY;
  const text = (options.where ?? []).join(" ");
  return {
    isFollowed,
    sinceMs: problems.meet(() => readWhen("--since", options.since, from), 0),
    untilMs: problems.meet(() => readWhen("--until", options.until, forever), forever),
    where: problems.meet(
      () => readFilter(text, recordFields),
      () => true,
    ),
    most: problems.meet(() => readCount("-n", options.count, null), null),
    idleMs: problems.meet(() => readIdle(options.idle), null),
  };
}

function readIdle(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new TuError("E_USAGE", `--idle ${text} must be a duration above 0`, {
    hint: "for example 5s or 2m",
  });
}

async function traceOne(id: string, options: Options, settings: Settings): Promise<number> {
  const report = await withFlows(settings, async (ports) =>
    traceOf(await findFlow(id, ports), settings, ports),
  );
  const format = formatOf(options);
  if (format !== "text") printJson(report, format);
  else {
    const layout = { paint: paintFor("stdout", options.color), width: columns() };
    for (const line of traceLines(report, options.format ?? "tree", layout)) printLine(line);
  }
  return exitCodeOf(report);
}

/** 1 for a flow that failed or is stuck. */
const exitCodeOf = ({ verdict: { state } }: TraceReport) =>
  ["complete", "running", "unknown"].includes(state) ? exitCodes.done : exitCodes.failed;

async function traceAll(
  id: string | null,
  options: Options & { readonly query: Omit<RecordQuery, "flowId"> },
  settings: Settings,
): Promise<number> {
  const stop = untilSignal(() => ({ now: "stopping" }));
  const { openTools } = await import("./compose-tools.ts");
  const { clock } = await openTools();
  const { signal } = stop;
  const print = printerOf(options);
  let watch: Watch | undefined;
  try {
    watch = await watched(settings, options);
    if (watch !== undefined) await orAborted(watch.caughtUp, signal);
    const { isFollowed } = options.query;
    const tell = async (ports: FlowPorts) => {
      const flowId = id === null ? null : (await findFlow(id, ports)).flowId;
      const query = { ...options.query, flowId };
      await eachRecord(query, { store: ports.store, clock, signal }, print.record);
    };
    await withFlows(settings, tell, isFollowed ? "kept and to come" : "kept");
    print.end();
    return exitCodes.done;
  } finally {
    await stop.drain(watch?.close());
  }
}

/** On a cluster, this command looks itself: embedded, only a pipeline sees what travels in it. */
async function watched(
  settings: Settings,
  { follow, query, since }: Options & { readonly query: Omit<RecordQuery, "flowId"> },
): Promise<Watch | undefined> {
  if (since === undefined && follow !== true) return undefined;
  const cluster = await openCluster(settings);
  if (cluster === null) return undefined;
  const { openWatch } = await import("./compose-tap.ts");
  const { flow, stateDir } = settings;
  const onError = (error: unknown) => {
    const { code, reason } = describeError(error);
    printDiagnostic(`! ${code}: ${printable(reason)}`);
  };
  const sinceMs = since === undefined ? null : query.sinceMs;
  return openWatch(cluster, { flow, stateDir, onError, sinceMs });
}

/** JSON is one document, which is printed at the end. */
function printerOf(options: Options): {
  readonly record: (record: AnyRecord) => void;
  readonly end: () => void;
} {
  const format = formatOf(options);
  const shown = (record: AnyRecord) =>
    options.body === false && "wire" in record ? withoutBody(record) : record;
  if (format === "json") {
    const records: unknown[] = [];
    return {
      record: (record) => void records.push(shown(record)),
      end: () => printJson({ schema: "tu-analyze/trace-records@1", records }, format),
    };
  }
  const layout = { paint: paintFor("stdout", options.color), width: columns() };
  return {
    record: (record) =>
      format === "jsonl"
        ? printJson(shown(record), format)
        : printLine(recordLine(record as ShownRecord, layout)),
    end: () => undefined,
  };
}
