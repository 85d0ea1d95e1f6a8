import { hintFor } from "../../pipeline/errors.ts";
import { type Paint, printable } from "./text.ts";

type Box = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};
/** As much of an upload's report as is shown; the full shape is the core's. */
export type ShownReport = {
  readonly status: string;
  readonly flowId: string;
  readonly durationMs: number;
  readonly result: {
    readonly recognition: {
      readonly aggregate: {
        readonly brand: string | null;
        readonly type: string | null;
        readonly model: string | null;
        readonly confidence: number;
        readonly isConfident: boolean;
      };
      readonly evidence?:
        | readonly {
            about: string;
            value: string;
            text: string;
            confidence: number;
            how: string;
            box: Box;
          }[]
        | undefined;
      readonly colours?: readonly { name: string; share: number }[] | undefined;
    } | null;
    readonly comparison: {
      readonly verdict: string;
      readonly matches: readonly { machineId: string; score: number; reasons: readonly string[] }[];
    } | null;
    readonly metadata: {
      readonly capturedAt?: string | undefined;
      readonly location?: { lat: number; lon: number } | undefined;
      readonly camera?: string | undefined;
      readonly image: { format: string; width: number; height: number };
    } | null;
    readonly machine: { readonly id: string; readonly sightings: readonly unknown[] } | null;
  };
  readonly failure?:
    | { step: string; code: string; reason: string; attempt: number; attempts: number }
    | undefined;
};

/** The end of a story: what was recognised, or at which step it failed and why. */
export function reportLines(report: ShownReport, paint: Paint): readonly string[] {
  const seconds = `${(report.durationMs / 1000).toFixed(2)} s`;
  if (report.failure !== undefined) {
    const { attempt, attempts, code, reason, step } = report.failure;
    const hint = hintFor(code);
    return [
      "",
      `${paint("red", "✖ analysis failed")} at ${paint("bold", printable(step))} after ${attempt} of ${attempts} attempts (${seconds})`,
      `  ${printable(code)}: ${printable(reason)}`,
      ...(hint === undefined ? [] : [`  hint: ${hint}`]),
      paint("dim", `  flow ${report.flowId}`),
    ];
  }
  return [
    "",
    `${paint("green", "✔ analysis completed")} in ${seconds}`,
    ...recognitionLines(report.result.recognition, paint),
    ...comparisonLines(report, paint),
    ...metadataLines(report.result.metadata),
    paint("dim", `  flow        ${report.flowId}`),
  ];
}

function recognitionLines(
  recognition: ShownReport["result"]["recognition"],
  paint: Paint,
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
    `  machine     ${paint(known.length === 0 ? "yellow" : "bold", what)}  ${sure}`,
    ...evidenceShown(recognition).map((item) => {
      const at = `at ${percent(item.box.x)},${percent(item.box.y)}`;
      const text = `“${printable(item.text)}” → ${item.about} ${printable(item.value)}`;
      return paint(
        "dim",
        `  evidence    ${text} (${item.confidence.toFixed(2)}, ${at}; ${printable(item.how)})`,
      );
    }),
    ...(colours === "" ? [] : [`  colours     ${colours}`]),
  ];
}

function knownOf({ brand, model, type }: Recognition["aggregate"]): readonly string[] {
  return [brand, model, type].filter((part) => part !== null).map(printable);
}

type Recognition = NonNullable<ShownReport["result"]["recognition"]>;
type Evidence = NonNullable<Recognition["evidence"]>[number];

const evidenceMax = 8;

/** What speaks for the answer first, then what was set aside; each reading once. */
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

function comparisonLines({ result }: ShownReport, paint: Paint): readonly string[] {
  const { comparison, machine, recognition } = result;
  if (comparison === null) return [];
  // Without a machine there is nothing that could be new.
  if (recognition !== null && knownOf(recognition.aggregate).length === 0) return [];
  const best = comparison.matches[0];
  const why =
    best === undefined ? "" : `  ${best.score.toFixed(2)} ${printable(best.reasons.join(", "))}`;
  const stored =
    machine === null ? [] : [`  stored as   ${machine.id} (seen ${machine.sightings.length}×)`];
  return [
    `  verdict     ${paint("bold", comparison.verdict)}${why}`,
    ...(best === undefined || best.machineId === machine?.id
      ? []
      : [paint("dim", `              compare with ${best.machineId}`)]),
    ...stored,
  ];
}

function metadataLines(metadata: ShownReport["result"]["metadata"]): readonly string[] {
  if (metadata === null) return [];
  const { camera, capturedAt, image, location } = metadata;
  const parts = [
    `${image.format} ${image.width}×${image.height}`,
    capturedAt,
    location === undefined ? undefined : `${location.lat.toFixed(5)}, ${location.lon.toFixed(5)}`,
    camera,
  ];
  const shown = parts.filter((part) => part !== undefined).map(printable);
  return [`  picture     ${shown.join(" · ")}`];
}

function percent(part: number): string {
  return `${Math.round(part * 100)}%`;
}
