import type { TracedHop, TraceReport } from "../../pipeline/reports/flows.ts";
import { type HopLayout, hopLines, looksOf, shortened } from "./hop-line.ts";
import { type Paint, printable, type Style } from "./text.ts";
import { cut, cutMiddle, widthOf } from "./width.ts";
import { wrap } from "./wrap.ts";

// The story of one flow that was seen: what it was, what led to what, what was remarked, and the verdict.

export type TraceShape = "tree" | "timeline";

type Shown = Omit<TraceReport, "schema" | "context">;

export function traceLines(report: Shown, shape: TraceShape, layout: HopLayout): readonly string[] {
  const hops = shape === "tree" ? treeLines(report, layout) : timelineLines(report, layout);
  return [
    ...headLines(report, layout),
    "",
    ...hops,
    ...(report.remarks.length === 0 ? [] : ["", ...remarkLines(report, layout)]),
    "",
    ...verdictLines(report, layout),
  ];
}

/** What is known of a flow, without its story. */
export function headLines(report: Shown, { paint, width }: HopLayout): readonly string[] {
  const { flow, flowId, machine, machineId, objectKey, picture, startedAt, uploadId } = report;
  const sure = machine === null ? "" : `  confidence ${machine.confidence.toFixed(2)}`;
  const known = machine?.verdict == null ? "" : `  ${machine.verdict}`;
  const facts = [
    ["flow", `${flow}, from ${startedAt}`],
    ["object", objectKey],
    ["upload", uploadId],
    ["machine", machine === null ? null : `${machine.name ?? "none recognised"}${sure}${known}`],
    ["stored as", machineId],
  ] as const;
  return [
    paint("bold", cut(`${flowId}  ${printable(picture ?? "")}`.trimEnd(), width)),
    ...facts.flatMap(([label, fact]) =>
      fact === null ? [] : [`  ${label.padEnd(10)}${cut(printable(fact), width - 12)}`],
    ),
  ];
}

function timelineLines({ hops, startedAt }: Shown, layout: HopLayout): readonly string[] {
  const startMs = Date.parse(startedAt);
  return hops.flatMap((hop) => hopLines(shownHop(hop), Date.parse(hop.at) - startMs, layout));
}

// Their transport is one of a hop's.
const shownHop = (hop: TracedHop) => hop as Parameters<typeof hopLines>[0];

type Row = {
  readonly since: string;
  readonly gap: string;
  /** Branches and name. */
  readonly branch: string;
  readonly hop: TracedHop;
};

function treeLines({ hops, startedAt }: Shown, layout: HopLayout): readonly string[] {
  const startMs = Date.parse(startedAt);
  const rows: Row[] = [];
  const walk = (parent: number | null, indent: string): void => {
    const children = hops.flatMap((hop, at) => (hop.parent === parent ? [{ hop, at }] : []));
    children.forEach(({ at, hop }, position) => {
      const isLast = position === children.length - 1;
      const isRoot = parent === null;
      const fork = isRoot ? "" : isLast ? "└─ " : "├─ ";
      rows.push({ ...timesOf(hop, hops, startMs), branch: `${indent}${fork}`, hop });
      walk(at, isRoot ? "" : `${indent}${isLast ? "   " : "│  "}`);
    });
  };
  walk(null, "");
  return rowLines(rows, layout);
}

function timesOf(hop: TracedHop, hops: readonly TracedHop[], startMs: number) {
  const atMs = Date.parse(hop.at);
  const cause = hop.parent === null ? undefined : hops[hop.parent];
  const gapMs = cause === undefined ? null : atMs - Date.parse(cause.at);
  return {
    since: `+${((atMs - startMs) / 1000).toFixed(3)}s`,
    gap: gapMs === null ? "" : gapText(gapMs),
  };
}

const gapText = (ms: number) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(2)} s`);

const timesWidth = 19;
const narrowWidth = 70;
const nameMax = 64;

function rowLines(rows: readonly Row[], { paint, width }: HopLayout): readonly string[] {
  const isNarrow = width < narrowWidth;
  const left = width - (isNarrow ? 10 : timesWidth) - 2;
  const natural = Math.max(
    0,
    ...rows.map(({ branch, hop }) => widthOf(branch + printable(hop.name))),
  );
  const names = Math.min(natural, nameMax, isNarrow ? left : Math.floor(left * 0.6));
  return rows.map(({ branch, gap, hop, since }) => {
    const times = isNarrow ? since.padStart(9) : `${since.padStart(9)} ${gap.padStart(8)}`;
    const { mark, markStyle, nameStyle } = looksOf(hop);
    const name = cutMiddle(printable(hop.name), Math.max(8, names - widthOf(branch)));
    const gapColumns = Math.max(0, names - widthOf(branch) - widthOf(name));
    const drawn = `${paint("dim", branch)}${paint(nameStyle, name)}${" ".repeat(gapColumns)}`;
    const marked = `${paint("dim", times)} ${paint(markStyle, mark)} ${drawn}`;
    return `${marked}${targetText(hop, left - names - 4, paint)}`.trimEnd();
  });
}

function targetText(hop: TracedHop, width: number, paint: Paint): string {
  if (width < 8) return "";
  const sender = hop.parent === null ? `${shortened(hop.from)} ` : "";
  const target = `${sender}→ ${shortened(hop.to)}`;
  const shown = cut(target, width);
  const noteColumns = width - widthOf(shown) - 2;
  const note = hop.note === null || noteColumns < 4 ? "" : cut(printable(hop.note), noteColumns);
  return `  ${shown}${note === "" ? "" : paint("dim", `  ${note}`)}`;
}

function remarkLines(
  { remarks, startedAt }: Shown,
  { paint, width }: HopLayout,
): readonly string[] {
  const startMs = Date.parse(startedAt);
  return remarks.flatMap(({ at, code, message }) => {
    const since = `+${((Date.parse(at) - startMs) / 1000).toFixed(3)}s`.padStart(9);
    const [first = "", ...rest] = wrap(printable(`${code}: ${message}`), width - 12);
    const start = `${paint("dim", since)} ${paint("yellow", "!")} ${first}`;
    return [start, ...rest.map((line) => `${" ".repeat(12)}${line}`)];
  });
}

/** The mark of a flow's status, and its colour. */
export const statusLooks: Readonly<Record<Shown["status"], readonly [string, Style]>> = {
  completed: ["✔", "green"],
  failed: ["✖", "red"],
  stuck: ["✖", "red"],
  running: ["…", "cyan"],
  abandoned: ["–", "yellow"],
  unknown: ["?", "yellow"],
};

function verdictLines({ status, verdict }: Shown, { paint, width }: HopLayout): readonly string[] {
  const [mark, style] = statusLooks[status];
  const [first = "", ...rest] = wrap(printable(verdict.text), width - 2);
  return [
    `${paint(style, mark)} ${paint("bold", first)}`,
    ...rest.map((line) => `  ${paint("bold", line)}`),
    ...verdict.look.flatMap((look) =>
      wrap(printable(look), width - 4).map((line) => `    ${line}`),
    ),
  ];
}
