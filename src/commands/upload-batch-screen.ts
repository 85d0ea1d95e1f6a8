import { waitingText } from "../adapters/terminal/hop-line.ts";
import { tableLines } from "../adapters/terminal/table.ts";
import { type Paint, printable } from "../adapters/terminal/text.ts";
import { cut, cutMiddle, padded, widthOf } from "../adapters/terminal/width.ts";
import { wrap } from "../adapters/terminal/wrap.ts";
import { counted } from "../pipeline/counted.ts";
import { distinctNames, placeAmong } from "./distinct-names.ts";
import { mismatchText } from "./expectations.ts";
import { printLine } from "./output.ts";
import { columns } from "./terminal.ts";
import { isGood, type Outcome } from "./upload-outcome.ts";
import type { Aside, UploadScreen } from "./upload-screen.ts";
import { createStoryScreen } from "./upload-story-screen.ts";

/** Below this width an image takes two lines. */
const oneLineWidth = 60;

/** After the mark and its space. */
function placed(place: string, name: string, text: string, nameWidth: number): readonly string[] {
  const left = columns() - 2;
  if (left < oneLineWidth)
    return [`${place}${cutMiddle(name, left - widthOf(place))}`, `    ${cut(text, left - 2)}`];
  const most = Math.min(nameWidth, left < 100 ? 20 : 32);
  const start = `${place}${padded(cutMiddle(name, most), most)}  `;
  return [`${start}${cut(text, left - widthOf(start))}`];
}

/** One line per image when it ends, with its place among all, and a table of all; the stories with --verbose. */
export function createBatchScreen(
  paths: readonly string[],
  {
    aside,
    isVerbose,
    paint,
  }: { readonly paint: Paint; readonly aside: Aside; readonly isVerbose: boolean },
): UploadScreen {
  const { notice, waiting } = aside;
  const names = distinctNames(paths).map(printable);
  const places = paths.map((_, index) => placeAmong(index, paths.length));
  const indexes = new Map<string, number>();
  const story = createStoryScreen(paths, { paint, aside });
  /** What each image that runs is waiting for. */
  const running = new Map<number, string>();
  const sayRunning = () => {
    const lines = [...running].map(([index, what]) => `${places[index]} ${names[index]}  ${what}`);
    waiting.say(lines.join("   "));
  };
  const say = (flowId: string, what: string) => {
    const index = indexes.get(flowId);
    if (index === undefined || !running.has(index)) return; // what follows an outcome is no news
    running.set(index, what);
    sayRunning();
  };
  const nameWidth = Math.max(...names.map(widthOf));
  return {
    format: "text",
    reporter: {
      hop(hop) {
        if (isVerbose) story.reporter.hop(hop);
        else say(hop.flowId, waitingText(hop));
      },
      notice,
    },
    started(flowId, index) {
      if (isVerbose) return story.started(flowId, index);
      if (indexes.has(flowId)) return;
      indexes.set(flowId, index);
      running.set(index, "waiting");
      sayRunning();
    },
    outcome(outcome, index) {
      if (isVerbose) story.outcome(outcome, index);
      if (outcome.type === "error" && outcome.fate?.status === "not-started") return; // the table contains it
      waiting.clear();
      const mark = isGood(outcome) ? paint("green", "✔") : paint("red", "✖");
      const place = `${places[index]}  `;
      const [first = "", ...others] = placed(place, names[index] ?? "", lineOf(outcome), nameWidth);
      printLine(`${mark} ${first}`);
      for (const line of others) printLine(line);
      running.delete(index);
      sayRunning();
    },
    summary(outcomes) {
      waiting.clear();
      for (const line of summaryLines(outcomes, names, columns(), paint)) printLine(line);
    },
    close: () => story.close(),
  };
}

function lineOf(outcome: Outcome): string {
  if (!isGood(outcome)) return reasonOf(outcome);
  const [machine = "", , ...others] = cellsOf(outcome);
  return [machine, ...others].filter((cell) => cell !== "").join("  ");
}

/** Machine, confidence, verdict, time. */
function cellsOf(outcome: Outcome): readonly string[] {
  if (outcome.type === "error") return [];
  const { durationMs, failure, result } = outcome.report;
  const seconds = `${(durationMs / 1000).toFixed(2)} s`;
  const { aggregate } = result.recognition ?? {};
  if (failure !== undefined || aggregate === undefined) return [reasonOf(outcome), "", "", seconds];
  const { brand, confidence, model, type } = aggregate;
  const known = [brand, model, type].filter((part) => part !== null).map(printable);
  if (known.length === 0) return ["no machine recognised", "", "", seconds];
  return [known.join(" · "), confidence.toFixed(2), result.comparison?.verdict ?? "", seconds];
}

/** Why an image is not as expected. */
function reasonOf(outcome: Outcome): string {
  if (outcome.type === "error") {
    const { code, message } = outcome.error;
    return printable(`${code}: ${message}`);
  }
  const { failure, mismatches = [] } = outcome.report;
  if (mismatches.length > 0) return printable(mismatches.map(mismatchText).join(", "));
  if (failure === undefined) return outcome.report.status;
  return printable(`${failure.code} at ${failure.step}: ${failure.reason}`);
}

/** First the good ones, then the others with the full reason and a remedy, counted. */
function summaryLines(
  outcomes: readonly Outcome[],
  names: readonly string[],
  width: number,
  paint: Paint,
): readonly string[] {
  const rows = outcomes.map((outcome, index) => ({ outcome, name: names[index] ?? "" }));
  const good = rows.filter(({ outcome }) => isGood(outcome));
  const bad = rows.filter(({ outcome }) => !isGood(outcome));
  const head = ["image", "machine", "confidence", "verdict", "time"];
  const [first = "", ...table] = tableLines(
    [head, ...good.map(({ name, outcome }) => [name, ...cellsOf(outcome)])],
    width,
  );
  return [
    "",
    ...(good.length === 0 ? [] : [paint("dim", first), ...table]),
    ...(good.length === 0 || bad.length === 0 ? [] : [""]),
    ...bad.flatMap(({ name, outcome }) => badLines(name, outcome, width, paint)),
    "",
    ...wrap(countText(outcomes), width),
  ];
}

/** A stopped image has not failed. */
function countText(outcomes: readonly Outcome[]): string {
  const fates = outcomes.flatMap((one) =>
    one.type === "error" && one.fate ? [one.fate.status] : [],
  );
  const good = outcomes.filter(isGood).length;
  const failed = outcomes.length - good - fates.length;
  const stopped = [...new Set(fates)].map(
    (status) =>
      `${fates.filter((fate) => fate === status).length} ${status.replace("not-started", "not started")}`,
  );
  return [
    `${good} of ${counted(outcomes.length, "image")} analysed`,
    `${failed} failed`,
    ...stopped,
  ].join(", ");
}

function badLines(name: string, outcome: Outcome, width: number, paint: Paint): readonly string[] {
  const hint = outcome.type === "error" ? outcome.error.hint : undefined;
  const reason = reasonOf(outcome);
  const [first = "", ...others] = wrap(
    `${cutMiddle(name, Math.max(8, width - 4))}  ${reason}`,
    width - 4,
  );
  return [
    `  ${paint("red", "✖")} ${first}`,
    ...others.map((line) => `    ${line}`),
    ...(hint === undefined
      ? []
      : wrap(`hint: ${printable(hint)}`, width - 4).map((line) => `    ${paint("dim", line)}`)),
  ];
}
