import { createPaint, printable, sizeText } from "../adapters/terminal/text.ts";
import { counted } from "../pipeline/counted.ts";
import type {
  ClearReport,
  PruneReport,
  StateReport,
  StateVerification,
} from "../pipeline/reports/state.ts";
import type { Settings } from "./config.ts";

// The text output of the `state` commands.

const paint = createPaint(false);

export const noStateLines = (directory: string): readonly string[] => [
  `${printable(directory)} holds no state yet`,
];

export function stateLines(report: StateReport, isThere: boolean): readonly string[] {
  const { directory, limits, machines, objects, seen, sizeBytes, uploads } = report;
  if (!isThere) return noStateLines(directory);
  return [
    paint("bold", `${printable(directory)}  ${sizeText(sizeBytes)}`),
    ...report.flows.flatMap(flowLines),
    `  uploads   ${uploads.confirmed} confirmed, ${uploads.pending} pending`,
    `  machines  ${machines.machines}, in ${counted(machines.sightings, "sighting")}`,
    `  objects   ${objects.objects}, ${sizeText(objects.sizeBytes)}; identical ones are stored once`,
    `  seen      ${counted(seen?.flows ?? 0, "flow")}; see \`tu-analyze flows\``,
    `  limits    ${limitsText(limits)}`,
  ];
}

function flowLines(flows: StateReport["flows"][number]): readonly string[] {
  const { ages, deadLetters, finished, flow, newestAt, sizeBytes, underWay } = flows;
  const parts = [
    `${finished} finished`,
    `${underWay} in progress`,
    ...(deadLetters === 0 ? [] : [counted(deadLetters, "dead letter")]),
    sizeText(sizeBytes),
    ...(newestAt === null ? [] : [`last ${newestAt}`]),
  ];
  return [
    `  flows     ${flow}: ${parts.join(", ")}`,
    ...ages
      .filter((age) => age.flows > 0)
      .map(
        ({ flows: count, sizeBytes: size, upTo }) =>
          `            ${upTo === null ? "older" : `≤ ${upTo}`.padEnd(5)}  ${counted(count, "flow")}, ${sizeText(size)}`,
      ),
  ];
}

function limitsText({ keepFlows, keepFor }: Pick<Settings, "keepFlows" | "keepFor">): string {
  const age = keepFor === "unlimited" ? "of any age" : `for ${keepFor}`;
  const most =
    keepFlows === "unlimited" ? "" : `, at most ${keepFlows.toLocaleString("en")} per kind`;
  return `finished flows are kept ${age}${most}; machines always`;
}

export function pruneLines(report: PruneReport, settings: Settings): readonly string[] {
  const { flows, isDryRun, objects, uploads } = report;
  const bytes = [...flows, ...objects].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const what = [
    counted(flows.length, "flow"),
    counted(uploads.length, "upload"),
    counted(objects.length, "picture"),
  ].join(", ");
  const verb = isDryRun ? "would remove" : "removed";
  return [
    ...(isDryRun
      ? flows.map(({ flow, flowId, lastAt }) => `  ${flow}  ${printable(flowId)}  last ${lastAt}`)
      : []),
    `${verb} ${what} (${sizeText(bytes)}); ${limitsText(settings)}`,
  ];
}

export function clearLines(report: ClearReport): readonly string[] {
  const { directory, flows, machinesKept, machinesRemoved, objects, uploads } = report;
  const what = [
    counted(flows, "flow"),
    counted(uploads, "upload"),
    counted(objects, "picture"),
    ...(machinesRemoved === 0 ? [] : [counted(machinesRemoved, "machine")]),
  ].join(", ");
  return [
    `removed ${what} from ${printable(directory)}`,
    ...(machinesKept === 0
      ? ["the database files stay, empty, for the next run"]
      : [
          `kept ${counted(machinesKept, "machine")} and their pictures; --machines removes them too`,
        ]),
  ];
}

export function verificationLines(report: StateVerification): readonly string[] {
  const { checked, problems } = report;
  const { flows, objects, sightings, uploads } = checked;
  const what = [
    counted(flows, "flow"),
    counted(objects, "object"),
    counted(sightings, "sighting"),
    counted(uploads, "upload"),
  ].join(", ");
  return [
    ...problems.map(
      ({ about, id, problem }) => `✖ ${about} ${printable(id)}: ${printable(problem)}`,
    ),
    problems.length === 0
      ? `no problems: ${what}`
      : `${counted(problems.length, "problem")} in ${what}`,
  ];
}
