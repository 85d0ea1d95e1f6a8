import { type TraceShape, traceLines } from "../adapters/terminal/trace-lines.ts";
import { exitCodes } from "../pipeline/errors.ts";
import { findFlow, traceOf } from "../pipeline/operations/flows.ts";
import type { TraceReport } from "../pipeline/reports/flows.ts";
import { loadSettings } from "./config.ts";
import { withFlows } from "./flows.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";
import { type ColourWhen, columns, paintFor } from "./terminal.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly context?: string;
  readonly stateDir?: string;
  readonly format?: TraceShape;
};

/** One flow that was seen: its story and the verdict on it. */
export async function traceOneCommand(id: string, options: Options): Promise<Work> {
  const { context, stateDir } = options;
  const settings = await loadSettings({ context, stateDir });
  return async () => {
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
  };
}

/** 1 for a flow that failed or is stuck. */
const exitCodeOf = ({ verdict: { state } }: TraceReport) =>
  state === "complete" || state === "running" ? exitCodes.done : exitCodes.failed;
