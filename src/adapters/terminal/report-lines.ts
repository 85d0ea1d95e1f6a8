import { hintFor } from "../../pipeline/errors.ts";
import type { UploadReport } from "../../pipeline/reports/upload.ts";
import type { HopLayout } from "./hop-line.ts";
import { printable, type Style } from "./text.ts";
import { wrap } from "./wrap.ts";

/** The part of it that is shown. */
export type ShownReport = Pick<
  UploadReport,
  "status" | "flowId" | "durationMs" | "result" | "failure"
>;

/** The end of a story: what was recognised, or which step failed and why. */
export function reportLines(report: ShownReport, layout: HopLayout): readonly string[] {
  const { paint } = layout;
  const seconds = `${(report.durationMs / 1000).toFixed(2)} s`;
  if (report.failure !== undefined) {
    const { attempt, attempts, code, reason, step } = report.failure;
    const hint = hintFor(code);
    return [
      "",
      `${paint("red", "✖ analysis failed")} at ${paint("bold", printable(step))} after ${attempt} of ${attempts} attempts (${seconds})`,
      ...indented(`${printable(code)}: ${printable(reason)}`, layout),
      ...(hint === undefined ? [] : indented(`hint: ${hint}`, layout)),
      paint("dim", `  flow ${report.flowId}`),
    ];
  }
  return [
    "",
    `${paint("green", "✔ analysis completed")} in ${seconds}`,
    ...recognitionLines(report.result.recognition, layout),
    ...comparisonLines(report, layout),
    ...metadataLines(report.result.metadata, layout),
    ...fact("flow", report.flowId, layout, "dim"),
  ];
}

function indented(text: string, { width }: HopLayout): readonly string[] {
  return wrap(text, width - 2).map((line) => `  ${line}`);
}

const labelWidth = 12;

/** Next to its label, or below it if that leaves too little room. */
function fact(
  label: string,
  text: string,
  { paint, width }: HopLayout,
  style?: Style,
): readonly string[] {
  const indent = width < 60 ? 4 : labelWidth + 2;
  const lines = wrap(text, width - indent).map((line) =>
    style === undefined ? line : paint(style, line),
  );
  const title = `  ${label.padEnd(labelWidth)}`;
  if (indent < labelWidth) return [title.trimEnd(), ...lines.map((line) => `    ${line}`)];
  return lines.map((line, index) => `${index === 0 ? title : " ".repeat(indent)}${line}`);
}

function recognitionLines(
  recognition: ShownReport["result"]["recognition"],
  layout: HopLayout,
): readonly string[] {
  if (recognition === null) return [];
  const { confidence, isConfident } = recognition.aggregate;
  const known = knownOf(recognition.aggregate);
  const what = known.length === 0 ? "no machine recognised" : known.join(" · ");
  const sure = `confidence ${confidence.toFixed(2)}${isConfident ? "" : " (low)"}`;
  const colours = (recognition.colours ?? [])
    .map(({ name, share }) => `${name} ${Math.round(share * 100)} %`)
    .join(", ");
  return [
    ...fact("machine", `${what}  ${sure}`, layout, known.length === 0 ? "yellow" : "bold"),
    ...evidenceShown(recognition).flatMap((item) => {
      const at = `at ${percent(item.box.x)},${percent(item.box.y)}`;
      const text = `“${printable(item.text)}” → ${item.about} ${printable(item.value)}`;
      const why = `(${item.confidence.toFixed(2)}, ${at}; ${printable(item.how)})`;
      return fact("evidence", `${text} ${why}`, layout, "dim");
    }),
    ...(colours === "" ? [] : fact("colours", colours, layout)),
  ];
}

function knownOf({ brand, model, type }: Recognition["aggregate"]): readonly string[] {
  return [brand, model, type].filter((part) => part !== null).map(printable);
}

type Recognition = NonNullable<ShownReport["result"]["recognition"]>;
type Evidence = NonNullable<Recognition["evidence"]>[number];

const evidenceMax = 8;

/** Evidence for the result first, then what was set aside; each reading once. */
function evidenceShown({ aggregate, evidence = [] }: Recognition): readonly Evidence[] {
  const isForAnswer = ({ about, value }: Evidence) =>
    about !== "ignored" && value === aggregate[about as "brand" | "model" | "type"]; // the three others
  const once = evidence.filter(
    (item, index) =>
      evidence.findIndex(
        ({ about, text, value }) =>
          about === item.about && text === item.text && value === item.value,
      ) === index,
  );
  return [...once.filter(isForAnswer), ...once.filter((item) => !isForAnswer(item))].slice(
    0,
    evidenceMax,
  );
}

function comparisonLines({ result }: ShownReport, layout: HopLayout): readonly string[] {
  const { comparison, machine, recognition } = result;
  if (comparison === null) return [];
  // Without a machine, nothing can be new.
  if (recognition !== null && knownOf(recognition.aggregate).length === 0) return [];
  const best = comparison.matches[0];
  const why =
    best === undefined ? "" : `  ${best.score.toFixed(2)} ${printable(best.reasons.join(", "))}`;
  const isOther = best !== undefined && best.machineId !== machine?.id;
  return [
    ...fact("verdict", `${comparison.verdict}${why}`, layout, "bold"),
    ...(isOther ? fact("", `compare with ${best.machineId}`, layout, "dim") : []),
    ...(machine === null
      ? []
      : fact("stored as", `${machine.id} (seen ${machine.sightings.length}×)`, layout)),
  ];
}

function metadataLines(
  metadata: ShownReport["result"]["metadata"],
  layout: HopLayout,
): readonly string[] {
  if (metadata === null) return [];
  const { camera, capturedAt, image, location } = metadata;
  const parts = [
    `${image.format} ${image.width}×${image.height}`,
    capturedAt,
    location === undefined ? undefined : `${location.lat.toFixed(5)}, ${location.lon.toFixed(5)}`,
    camera,
  ];
  const shown = parts.filter((part) => part !== undefined).map(printable);
  return fact("picture", shown.join(" · "), layout);
}

function percent(part: number): string {
  return `${Math.round(part * 100)}%`;
}
