import type { Hop } from "../../pipeline/ports/reporter.ts";
import { type Paint, printable, type Style } from "./text.ts";
import { cut, cutMiddle, padded, widthOf } from "./width.ts";

export type HopLayout = {
  readonly paint: Paint;
  /** Terminal columns; Infinity if there is no limit. */
  readonly width: number;
};

/** The part of it that is shown. */
export type ShownHop = Pick<Hop, "name" | "transport" | "from" | "to" | "note">;

const timeWidth = 9;
/** Time, mark and the spaces after them. */
const startWidth = timeWidth + 3;
const nameWidth = 38;
const transportWidth = 10;
/** The width of the longest name, transport and route. */
const wholeWidth = 112;
/** Below this a hop takes two lines. */
const oneLineWidth = 70;

/**
 * `  +0.412s · recognition.completed   rabbitmq   svc-ai-vision-adapter → svc-analysis-orchestrator`. If that does
 * not fit, it is shortened: without the transport, with short names; on a narrow terminal in two lines.
 */
export function hopLines(
  hop: ShownHop,
  sinceStartMs: number,
  layout: HopLayout,
): readonly string[] {
  const { paint, width } = layout;
  const { mark, markStyle, nameStyle } = looksOf(hop);
  const since = `+${(sinceStartMs / 1000).toFixed(3)}s`.padStart(timeWidth);
  const start = `${paint("dim", since)} ${paint(markStyle, mark)} `;
  const name = (most: number) => cutMiddle(printable(hop.name), most);
  if (width >= wholeWidth) {
    const transport = paint("cyan", hop.transport.padEnd(transportWidth));
    const left = width - startWidth - nameWidth - transportWidth - 2;
    const whole = padded(printable(hop.name), nameWidth);
    const shown = width === Number.POSITIVE_INFINITY ? whole : padded(name(nameWidth), nameWidth);
    const route = `${printable(hop.from)} → ${printable(hop.to)}`;
    return [`${start}${paint(nameStyle, shown)} ${transport} ${withNote(hop, route, left, paint)}`];
  }
  const route = `${shortened(hop.from)} → ${shortened(hop.to)}`;
  if (width >= oneLineWidth) {
    const routeWidth = Math.min(widthOf(route), width - startWidth - 1 - 20);
    const nameColumns = Math.min(nameWidth, width - startWidth - 1 - 41);
    const left = width - startWidth - 1 - nameColumns;
    const shown = paint(nameStyle, padded(name(nameColumns), nameColumns));
    return [`${start}${shown} ${withNote(hop, cut(route, routeWidth), left, paint)}`];
  }
  const indent = 4;
  return [
    `${start}${paint(nameStyle, name(Math.max(1, width - startWidth)))}`,
    `${" ".repeat(indent)}${withNote(hop, sidesCut(hop, width - indent), width - indent, paint)}`,
  ];
}

/** Who has to act after a hop, as far as it tells. */
export function waitingText({ from, kind, to }: Hop): string {
  if (to === "client" || kind === "write") return "collecting the result";
  // Who fetched an object now works on it; the client that stored one only confirms it.
  const isFetched = to === "object-store" && from !== "client";
  return `waiting for ${printable(isFetched ? from : to)}`;
}

/** The mark of a hop, and its colours. */
export function looksOf({ name, note }: Pick<Hop, "name" | "note">) {
  const isFailure =
    name.endsWith(".failed") || name.endsWith(" parked") || name === "onAnalysisFailed";
  const isRetry = note?.startsWith("attempt ") === true && !isFailure;
  const markStyle: Style = isFailure ? "red" : isRetry ? "yellow" : "green";
  const nameStyle: Style = isFailure ? "red" : "bold";
  return { mark: isFailure ? "✖" : isRetry ? "↻" : "·", markStyle, nameStyle };
}

/** A service's name without the prefix that they have in common. */
export function shortened(service: string): string {
  return printable(service)
    .replace(/^(?:svc|tu)-/, "")
    .replace(/-service$/, "");
}

function withNote({ note }: ShownHop, route: string, width: number, paint: Paint): string {
  const shown = cut(route, width);
  const left = width - widthOf(shown) - 2;
  if (note === null || left < 3) return shown;
  return `${shown}${paint("dim", `  ${cut(printable(note), left)}`)}`;
}

function sidesCut({ from, to }: ShownHop, width: number): string {
  const [left, right] = [shortened(from), shortened(to)];
  if (widthOf(left) + widthOf(right) + 3 <= width) return `${left} → ${right}`;
  const side = Math.max(1, Math.floor((width - 3) / 2));
  return `${cut(left, side)} → ${cut(right, side)}`;
}
