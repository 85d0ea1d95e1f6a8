import { basename } from "node:path";
import {
  machineText,
  type ReadingLayout,
  readingLines,
} from "../adapters/terminal/reading-lines.ts";
import { type Paint, printable } from "../adapters/terminal/text.ts";
import { createWaitingLine } from "../adapters/terminal/waiting-line.ts";
import { cutMiddle, padded, widthOf } from "../adapters/terminal/width.ts";
import { wrap } from "../adapters/terminal/wrap.ts";
import { counted } from "../pipeline/counted.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { distinctNames, placeAmong } from "./distinct-names.ts";
import {
  type Format,
  formatOf,
  hasSeenEnough,
  printDiagnostic,
  printError,
  printJson,
  printLine,
} from "./output.ts";
import { isStopped, type Outcome, recordOf } from "./recognise-outcome.ts";
import { type ColourWhen, columns, paintFor } from "./terminal.ts";

export type ScreenOptions = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly all?: boolean;
};

/** What a person, or a pipe, sees of the reading while it runs and when it ends. */
export type RecogniseScreen = Pick<Reporter, "notice"> & {
  readonly format: Format;
  started(file: string, index: number): void;
  /** As they arrive; not for a single one. */
  outcome(outcome: Outcome, index: number): void;
  /** The only one requested. */
  only(outcome: Outcome): void;
  summary(outcomes: readonly Outcome[]): void;
  close(): void;
};

export function createRecogniseScreen(
  paths: readonly string[],
  options: ScreenOptions & { readonly isReplayed: boolean },
): RecogniseScreen {
  const format = formatOf(options);
  const waiting = createWaitingLine(process.stderr, () => performance.now());
  const shared = {
    format,
    started: (file: string, index: number) => {
      const count = paths.length > 1 ? `${index + 1}/${paths.length} ` : "";
      waiting.say(`reading ${count}${printable(file === "-" ? "stdin" : basename(file))}`);
    },
    notice: ({ code, message }: Parameters<Reporter["notice"]>[0]) => {
      waiting.clear();
      printDiagnostic(`! ${code}: ${printable(message)}`);
    },
    close: () => waiting.close(),
  };
  const clear = () => waiting.clear();
  return format === "text"
    ? { ...shared, ...createTextScreen(paths, options, clear) }
    : { ...shared, ...createJsonScreen(format, clear) };
}

type Printed = Pick<RecogniseScreen, "outcome" | "only" | "summary">;

function createTextScreen(
  paths: readonly string[],
  options: ScreenOptions & { readonly isReplayed: boolean },
  clear: () => void,
): Printed {
  const layout: ReadingLayout = {
    paint: paintFor("stdout", options.color),
    width: columns(),
    isWhole: options.all === true,
    isReplayed: options.isReplayed,
  };
  const whole = (outcome: Outcome) => {
    if (outcome.type === "error") return failed(outcome);
    for (const line of readingLines(outcome.report, layout)) printLine(line);
  };
  const places = placesOf(paths);
  let isStopSaid = false;
  return {
    outcome(outcome, index) {
      clear();
      if (isStopped(outcome) && isStopSaid) return; // the summary counts the others
      isStopSaid ||= isStopped(outcome);
      if (outcome.type === "error") return failed(outcome);
      for (const line of resultLines(outcome, places[index] ?? "", layout)) printLine(line);
      if (options.all === true) {
        whole(outcome);
        printLine("");
      } else if (outcome.report.annotated !== null)
        printLine(`    drawn  ${printable(outcome.report.annotated)}`);
    },
    only(outcome) {
      clear();
      whole(outcome);
    },
    summary(outcomes) {
      const reports = outcomes.flatMap((one) => (one.type === "report" ? [one.report] : []));
      const count = (field: "brand" | "model" | "type") =>
        reports.filter(({ machine }) => machine[field] !== null).length;
      const found = `brand on ${count("brand")}, model on ${count("model")}, type on ${count("type")}`;
      const text = `${reports.length} of ${counted(outcomes.length, "image")} read, ${outcomes.length - reports.length} failed: ${found}`;
      for (const line of ["", ...wrap(text, layout.width)]) printLine(line);
    },
  };
}

/** ` 3/31  photo.jpg   `, padded to equal width. */
function placesOf(paths: readonly string[]): readonly string[] {
  const names = distinctNames(paths).map(printable);
  const longest = Math.min(32, Math.max(...names.map(widthOf)));
  return names.map((name, index) => {
    const place = placeAmong(index, paths.length);
    return `${place}  ${padded(cutMiddle(name, 32), longest)}  `;
  });
}

/** The place, followed by ` Komatsu · PC210LC · Excavator  confidence 0.91`. */
function resultLines(
  { report }: Extract<Outcome, { type: "report" }>,
  place: string,
  { paint, width }: ReadingLayout,
): readonly string[] {
  const machine = machineText(report.machine);
  if (widthOf(place) + widthOf(machine) <= width)
    return [`${place}${styled(report, machine, paint)}`];
  return [
    ...wrap(place.trimEnd(), width),
    ...wrap(machine, width - 4).map((line) => `    ${styled(report, line, paint)}`),
  ];
}

function styled(
  { machine }: Extract<Outcome, { type: "report" }>["report"],
  text: string,
  paint: Paint,
): string {
  return machine.brand === null ? paint("dim", text) : text;
}

function failed({ error, file }: Extract<Outcome, { type: "error" }>): void {
  if (hasSeenEnough()) return;
  const { code, hint, message } = error;
  const place = message.includes(file) ? "" : `${file}: `;
  printError({ code, hint, message: `${place}${message}` });
}

function createJsonScreen(format: Format, clear: () => void): Printed {
  const record = (outcome: Outcome) => {
    clear();
    printJson(recordOf(outcome), format);
    if (outcome.type === "error") failed(outcome);
  };
  return {
    outcome(outcome) {
      if (format === "jsonl") record(outcome);
    },
    only: record,
    summary(outcomes) {
      if (format === "jsonl") return;
      clear();
      const images = outcomes.map(recordOf);
      const read = outcomes.filter(({ type }) => type === "report").length;
      const unread = outcomes.length - read;
      printJson({ schema: "tu-analyze/recognitions@1", read, failed: unread, images }, format);
    },
  };
}
