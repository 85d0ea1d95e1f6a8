import { type HopLayout, looksOf, shortened } from "./hop-line.ts";
import { printable } from "./text.ts";
import { cut, cutMiddle, padded, widthOf } from "./width.ts";

export type ShownRecord = {
  readonly at: string;
  readonly flowId: string;
} & (
  | {
      readonly name: string;
      readonly transport: string;
      readonly from: string;
      readonly to: string;
      readonly note: string | null;
    }
  | { readonly code: string; readonly message: string }
);

/** Enough of an id to tell flows of one millisecond apart, and to ask for it. */
const flowWidth = 13;
const nameWidth = 34;
const wideFrom = 100;

/** `11:55:26.383 01a22c4f-552b · recognition.completed   rabbitmq  ai-vision-adapter → comparison`, on one line. */
export function recordLine(record: ShownRecord, { paint, width }: HopLayout): string {
  const time = record.at.slice(11, 23);
  const isNarrow = width < wideFrom;
  const flow = record.flowId.slice(0, isNarrow ? 8 : flowWidth);
  const start = `${paint("dim", isNarrow ? time.slice(0, 8) : time)} ${paint("cyan", flow)}`;
  const left = width - (isNarrow ? 8 : 12) - flow.length - 3;
  if ("code" in record) {
    const text = cut(printable(`${record.code}: ${record.message}`), left - 2);
    return `${start} ${paint("yellow", "!")} ${text}`;
  }
  const { mark, markStyle, nameStyle } = looksOf(record);
  const names = isNarrow ? Math.max(10, Math.floor(left / 2)) : nameWidth;
  const name = padded(cutMiddle(printable(record.name), names), names);
  const transport = isNarrow ? "" : ` ${paint("cyan", record.transport.padEnd(10))}`;
  const route = `${shortened(record.from)} → ${shortened(record.to)}`;
  const routeWidth = left - 2 - names - 1 - (isNarrow ? 0 : 11);
  const shown = cut(route, routeWidth);
  const noteWidth = routeWidth - widthOf(shown) - 2;
  const note =
    record.note === null || noteWidth < 4 ? "" : `  ${cut(printable(record.note), noteWidth)}`;
  const drawn = `${paint(nameStyle, name)}${transport} ${shown}${paint("dim", note)}`;
  return `${start} ${paint(markStyle, mark)} ${drawn}`.trimEnd();
}
