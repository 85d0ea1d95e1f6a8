import { waitingText } from "../adapters/terminal/hop-line.ts";
import { printable } from "../adapters/terminal/text.ts";
import { createWaitingLine } from "../adapters/terminal/waiting-line.ts";
import { contextText } from "./cluster.ts";
import type { Instance } from "./compose-running.ts";
import type { Settings } from "./config.ts";
import { type Format, formatOf, printDiagnostic, printJson } from "./output.ts";
import { stateText } from "./running.ts";
import { paintFor } from "./terminal.ts";
import { createBatchScreen } from "./upload-batch-screen.ts";
import { isGood, recordOf } from "./upload-outcome.ts";
import { type Aside, type ScreenOptions, sayError, type UploadScreen } from "./upload-screen.ts";
import { createStoryScreen } from "./upload-story-screen.ts";

export function createUploadScreen(
  paths: readonly string[],
  options: ScreenOptions & {
    readonly isBatch: boolean;
    /** The pipeline that it uses, in another process. */
    readonly running: Pick<Instance, "pid"> | null;
    /** The gateway that it uses, of services that others run. */
    readonly gateway: string | null;
  },
  settings: Settings,
): UploadScreen {
  const format = formatOf(options);
  const paint = paintFor("stderr", options.color);
  if (format === "text" || process.stderr.isTTY) {
    const vision = settings.vision === "local" ? "" : ` · vision ${settings.vision}`;
    const state = stateText(options.ephemeral === true ? null : settings.stateDir);
    const where = whereText(options, state);
    printDiagnostic(
      paint(
        "dim",
        `tu-analyze upload · ${contextText(settings)}flow ${settings.flow}${vision} · ${where}`,
      ),
    );
  }
  const waiting = createWaitingLine(process.stderr, () => performance.now());
  waiting.say(options.running === null ? "starting the pipeline" : "checking the image");
  const aside: Aside = {
    waiting,
    notice({ code, message }) {
      waiting.clear();
      printDiagnostic(`${paint("yellow", "!")} ${code}: ${printable(message)}`);
    },
  };
  if (format !== "text") return createJsonScreen(format, options.isBatch, aside);
  const shown = { paint: paintFor("stdout", options.color), aside };
  if (!options.isBatch) return createStoryScreen(paths, shown);
  return createBatchScreen(paths, { ...shown, isVerbose: options.verbose === true });
}

function whereText(
  { gateway, running }: { running: Pick<Instance, "pid"> | null; gateway: string | null },
  state: string,
): string {
  if (running !== null) return `the pipeline of process ${running.pid}`;
  return gateway === null ? state : `through ${gateway}`;
}

function createJsonScreen(
  format: Format,
  isBatch: boolean,
  { notice, waiting }: Aside,
): UploadScreen {
  return {
    format,
    reporter: {
      hop: (hop) => waiting.say(waitingText(hop)),
      notice,
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
