import type { RecogniseReport } from "../../pipeline/reports/recognise.ts";
import { type Paint, printable, type Style } from "./text.ts";
import { cut, padded, widthOf } from "./width.ts";
import { wrap } from "./wrap.ts";

/** The part of it that is shown. */
export type ShownReading = Pick<
  RecogniseReport,
  "image" | "provider" | "machine" | "texts" | "hints" | "timings" | "annotated"
>;
/** A row of the table, whatever its source. */
type ShownText = Omit<ShownReading["texts"][number], "box" | "confidence"> & {
  readonly box: { readonly x: number; readonly y: number } | null;
  readonly confidence: number | null;
};
type ShownMachine = Pick<
  ShownReading["machine"],
  "brand" | "model" | "type" | "confidence" | "isConfident"
>;

export type ReadingLayout = {
  readonly paint: Paint;
  /** Terminal columns; Infinity when there is no limit. */
  readonly width: number;
  /** Whether all meaningless texts are listed. */
  readonly isWhole: boolean;
  /** Whether answers come only from cassettes. */
  readonly isReplayed: boolean;
};

/** Of meaningless texts. */
const shownMost = 8;
/** Below this width, a text and its interpretation take separate lines. */
const narrow = 60;

/** The machine, every text with its interpretation, best first, and the time spent. */
export function readingLines(reading: ShownReading, layout: ReadingLayout): readonly string[] {
  const { image, provider, timings } = reading;
  const picture = `${image.format} ${image.width}×${image.height}, read by ${readerOf(provider, layout)}`;
  const time = timings.map(({ ms, name }) => `${name} ${Math.round(ms)} ms`).join(", ");
  return [
    ...machineLines(reading, layout),
    "",
    ...textLines([...reading.texts, ...reading.hints.map(asText)], layout),
    "",
    ...fact("picture", printable(picture), layout),
    ...fact("time", time, layout),
    ...(reading.annotated === null ? [] : fact("drawn", printable(reading.annotated), layout)),
  ];
}

/** By the name that users know; the messages call it "vision". */
function readerOf(provider: ShownReading["provider"], { isReplayed }: ReadingLayout): string {
  const { name, runtime } = provider;
  if (name !== "vision") return runtime === null ? name : `${name} (${printable(runtime)})`;
  return isReplayed ? "Google Vision, replayed" : "Google Vision";
}

/** Anything else that the provider reports goes into the same table. */
function asText({ box, meanings, score, source, text }: ShownReading["hints"][number]): ShownText {
  const name = source.replaceAll("_", " ");
  return { text, box, meanings, confidence: score, degrees: 0, preparation: name, why: null };
}

/** `Komatsu · PC210LC · Excavator  confidence 0.91`. */
export function machineText(machine: ShownMachine): string {
  const { brand, confidence, isConfident, model, type } = machine;
  const known = [brand, model, type].filter((part) => part !== null).map(printable);
  const what = known.length === 0 ? "no machine recognised" : known.join(" · ");
  return `${what}  confidence ${confidence.toFixed(2)}${isConfident ? "" : " (low)"}`;
}

function machineLines(reading: ShownReading, { paint, width }: ReadingLayout): readonly string[] {
  const { brand, model } = reading.machine;
  const isFound = brand !== null || model !== null;
  const mark = paint(isFound ? "green" : "yellow", isFound ? "✔" : "–");
  const style = isFound ? "bold" : "yellow";
  return wrap(machineText(reading.machine), width - 2).map(
    (line, index) => `${index === 0 ? mark : " "} ${paint(style, line)}`,
  );
}

function textLines(texts: readonly ShownText[], layout: ReadingLayout): readonly string[] {
  if (texts.length === 0) return ["  no text was read"];
  const sorted = texts.toSorted(
    (a, b) => rankOf(a) - rankOf(b) || (b.confidence ?? 0) - (a.confidence ?? 0),
  );
  const meaning = sorted.filter(({ meanings }) => meanings.length > 0);
  const others = sorted.filter(({ meanings }) => meanings.length === 0);
  const shown = [...meaning, ...(layout.isWhole ? others : others.slice(0, shownMost))];
  const hidden = sorted.length - shown.length;
  return [
    ...(layout.width < narrow ? stackedLines(shown, layout) : tableLines(shown, layout)),
    ...(hidden === 0
      ? []
      : wrap(`and ${hidden} more without meaning; use --all to list them`, layout.width - 2).map(
          (line) => `  ${layout.paint("dim", line)}`,
        )),
  ];
}

/** What the machine has, what it could have had, what was ignored, what is meaningless. */
function rankOf({ meanings }: ShownText): number {
  const ranks = meanings.map(({ about, isTaken }) => {
    if (isTaken) return about === "brand" ? 0 : 1;
    return about === "ignored" ? 3 : 2;
  });
  return Math.min(4, ...ranks);
}

type Became = { readonly line: string; readonly style: Style };

function becameOf({ meanings, why }: ShownText): readonly Became[] {
  if (meanings.length === 0) return [{ line: `nothing: ${printable(why ?? "")}`, style: "dim" }];
  return meanings.map(({ about, confidence, how, isTaken, value }): Became => {
    if (about === "ignored") return { line: `ignored: ${printable(how)}`, style: "yellow" };
    const what = `${about} ${printable(value)}${isTaken ? "" : ", not used"}`;
    const style = isTaken ? (about === "brand" ? "green" : "cyan") : "yellow";
    return { line: `${what} (${confidence.toFixed(2)}; ${printable(how)})`, style };
  });
}

function tableLines(
  texts: readonly ShownText[],
  { paint, width }: ReadingLayout,
): readonly string[] {
  const isWide = width >= 110;
  const rows = texts.map((text) => ({
    cells: [
      printable(text.text),
      sureOf(text),
      placeOf(text),
      ...(isWide ? [printable(text.preparation)] : []),
    ],
    became: becameOf(text),
  }));
  const heads = ["text", "conf", "at", ...(isWide ? ["look"] : [])];
  const widths = heads.map((head, column) =>
    Math.min(
      width < 100 ? 20 : 32,
      Math.max(head.length, ...rows.map(({ cells }) => widthOf(cells[column] ?? ""))),
    ),
  );
  const indent = widths.reduce((sum, cell) => sum + cell + 2, 2);
  const left = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => clipped(cell, widths[column] ?? 0)).join("  ")}  `;
  return [
    paint("dim", `${left(heads)}meaning`),
    ...rows.flatMap(({ became, cells }) =>
      became
        .flatMap(({ line, style }) => wrap(line, width - indent).map((part) => paint(style, part)))
        .map((part, index) => `${index === 0 ? left(cells) : " ".repeat(indent)}${part}`),
    ),
  ];
}

function stackedLines(
  texts: readonly ShownText[],
  { paint, width }: ReadingLayout,
): readonly string[] {
  return texts.flatMap((text) => [
    ...wrap(`${printable(text.text)}  ${sureOf(text)} at ${placeOf(text)}`, width - 2).map(
      (line) => `  ${line}`,
    ),
    ...becameOf(text).flatMap(({ line, style }) =>
      wrap(line, width - 4).map((part) => `    ${paint(style, part)}`),
    ),
  ]);
}

function sureOf({ confidence }: ShownText): string {
  return confidence === null ? "-" : confidence.toFixed(2);
}

function placeOf({ box, degrees }: ShownText): string {
  if (box === null) return "-";
  const turned = degrees === 0 ? "" : ` ${Math.round(degrees)}°`;
  return `${Math.round(box.x * 100)}%,${Math.round(box.y * 100)}%${turned}`;
}

function clipped(cell: string, width: number): string {
  return padded(cut(cell, width), width);
}

function fact(name: string, value: string, { width }: ReadingLayout): readonly string[] {
  const label = 10;
  return wrap(value, width - label - 2).map(
    (line, index) => `  ${(index === 0 ? name : "").padEnd(label)}${line}`,
  );
}
