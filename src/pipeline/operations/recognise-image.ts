import type { Clock } from "../ports/clock.ts";
import type { ImageHeader, Images } from "../ports/images.ts";
import type { Vision, VisionReading } from "../ports/vision.ts";
import { compilePatterns } from "../recognition/catalogue.ts";
import { type Explanation, explain } from "../recognition/explain.ts";
import { isEnough, type Recognition, recognise } from "../recognition/recognise.ts";
import type { RecogniseReport } from "../reports/recognise.ts";
import { checkImage } from "./check-image.ts";

export type RecognisePorts = {
  readonly vision: Vision;
  readonly images: Images;
  readonly clock: Pick<Clock, "nowMs">;
};
export type RecogniseRequest = { readonly bytes: Uint8Array; readonly signal?: AbortSignal };
type Timing = { readonly name: string; readonly ms: number };

/** The reading of a picture, and what the rules conclude from it. */
export type MachineReading = {
  readonly header: ImageHeader;
  readonly reading: VisionReading;
  readonly recognition: Recognition;
  readonly timings: readonly Timing[];
};
export type RecognisedImage = MachineReading & { readonly explained: Explanation };

/** Like an upload, with the reason for every text. Throws like `checkImage` and `Vision.read`. */
export async function recogniseImage(
  request: RecogniseRequest,
  ports: RecognisePorts,
): Promise<RecognisedImage> {
  const startMs = ports.clock.nowMs();
  await checkImage(request.bytes, ports.images);
  request.signal?.throwIfAborted();
  const check = { name: "check", ms: ports.clock.nowMs() - startMs };
  const read = await readMachine(request, ports);
  const explainMs = ports.clock.nowMs();
  const explained = explain(read.reading, read.recognition.aggregate);
  const explaining = { name: "explain", ms: ports.clock.nowMs() - explainMs };
  return { ...read, explained, timings: [check, ...read.timings, explaining] };
}

/** Recognition only, exactly as in the vision adapter's service. */
export async function readMachine(
  { bytes, signal }: RecogniseRequest,
  { clock, images, vision }: RecognisePorts,
): Promise<MachineReading> {
  let rulesMs = 0;
  const timed = <T>(rules: () => T): T => {
    const startMs = clock.nowMs();
    const result = rules();
    rulesMs += clock.nowMs() - startMs;
    return result;
  };
  const startMs = clock.nowMs();
  const header = await images.identify(bytes); // refuses images that must not be decoded
  const asked = vision.read(bytes, {
    isEnough: (texts, wanted) => timed(() => isEnough(texts, wanted)),
    ...(signal === undefined ? {} : { signal }),
  });
  compilePatterns(); // in parallel with the read
  const reading = await asked;
  const readMs = clock.nowMs() - startMs - rulesMs;
  const recognition = timed(() => recognise(reading.texts, reading.hints));
  const timings = [
    { name: "read", ms: readMs },
    { name: "rules", ms: rulesMs },
  ];
  return { header, reading, recognition, timings };
}

/** As published. */
export function recogniseReport(
  file: string,
  { explained, header, reading, recognition, timings }: RecognisedImage,
  annotated: string | null,
): RecogniseReport {
  const { apiVersion, featureset, maxResults, name } = reading.provider;
  return {
    schema: "tu-analyze/recognise@1",
    file,
    status: "read",
    image: uprightOf(header),
    provider: {
      ...{ name, apiVersion, featureset: [...featureset], maxResults },
      runtime: reading.runtime ?? null,
    },
    machine: recognition.aggregate,
    texts: explained.texts.map(({ meanings, text, why }) => ({
      text: text.text,
      confidence: text.confidence,
      box: { ...text.box },
      degrees: text.degrees ?? 0,
      preparation: text.preparation,
      meanings: [...meanings],
      why,
    })),
    hints: explained.hints.map(({ hint, meanings }) => ({
      source: hint.source,
      text: hint.text,
      score: hint.score,
      box: hint.box === null ? null : { ...hint.box },
      meanings: [...meanings],
    })),
    timings: [...timings],
    annotated,
  };
}

/** Orientations 5 to 8 swap width and height. */
function uprightOf({ format, height, orientation, width }: ImageHeader) {
  return orientation >= 5 ? { format, width: height, height: width } : { format, width, height };
}
