import { hopLines, waitingText } from "../adapters/terminal/hop-line.ts";
import { reportLines } from "../adapters/terminal/report-lines.ts";
import { type Paint, printable } from "../adapters/terminal/text.ts";
import { widthOf } from "../adapters/terminal/width.ts";
import type { Hop } from "../pipeline/ports/reporter.ts";
import { distinctNames } from "./distinct-names.ts";
import { printLine } from "./output.ts";
import { columns } from "./terminal.ts";
import { type Aside, sayError, type UploadScreen } from "./upload-screen.ts";

/** Every hop as it arrives, and the end of the story; with several images each line names its image. */
export function createStoryScreen(
  paths: readonly string[],
  { aside, paint }: { readonly paint: Paint; readonly aside: Aside },
): UploadScreen {
  const { notice, waiting } = aside;
  const names = distinctNames(paths);
  const prefixes = names.map((name) => (paths.length > 1 ? `[${printable(name)}] ` : ""));
  const indexes = new Map<string, number>();
  const startedAt = new Map<string, number>();
  const early = new Map<string, Hop[]>();
  let isClosed = false;
  const print = (flowId: string, lines: (width: number) => readonly string[]) => {
    const prefix = prefixes[indexes.get(flowId) ?? 0] ?? "";
    waiting.clear();
    for (const line of lines(columns() - widthOf(prefix)))
      printLine(`${prefix === "" ? "" : paint("cyan", prefix)}${line}`);
  };
  const show = (hop: Hop) => {
    const start = startedAt.get(hop.flowId) ?? hop.atMs;
    startedAt.set(hop.flowId, start);
    print(hop.flowId, (width) => hopLines(hop, hop.atMs - start, { paint, width }));
    waiting.say(waitingText(hop));
  };
  return {
    format: "text",
    reporter: {
      hop(hop) {
        // What arrives while the pipeline stops would contradict the outcome, which is told after it.
        if (isClosed) return;
        // The first hops of a flow arrive before its id is known to be ours.
        if (indexes.has(hop.flowId)) show(hop);
        else early.set(hop.flowId, [...(early.get(hop.flowId) ?? []), hop]);
      },
      notice,
    },
    started(flowId, index) {
      if (indexes.has(flowId)) return;
      indexes.set(flowId, index);
      for (const hop of early.get(flowId) ?? []) show(hop);
      early.delete(flowId);
    },
    outcome(outcome) {
      waiting.clear();
      if (outcome.type === "error") return sayError(outcome);
      const { report } = outcome;
      print(report.flowId, (width) => reportLines(report, { paint, width }));
      for (const { ms, name } of report.timings ?? [])
        print(report.flowId, () => [`  ${name.padEnd(20)} ${String(ms).padStart(6)} ms`]);
    },
    summary: () => undefined,
    close() {
      isClosed = true;
      waiting.close();
    },
  };
}
