import { machineText } from "../adapters/terminal/reading-lines.ts";
import { TuError } from "../pipeline/errors.ts";
import type { Once } from "../pipeline/once.ts";
import {
  type RecognisedImage,
  recogniseImage,
  recogniseReport,
} from "../pipeline/operations/recognise-image.ts";
import { orAborted } from "../pipeline/or-aborted.ts";
import type { ReadText } from "../pipeline/ports/vision.ts";
import type { Meaning } from "../pipeline/recognition/explain.ts";
import type { RecogniseReport } from "../pipeline/reports/recognise.ts";
import type { AnnotationFile } from "./annotation-files.ts";
import { openAnnotation, type PictureReader } from "./compose-images.ts";
import { namingFile, readImageFile } from "./image-input.ts";
import { asTuError } from "./output.ts";
import type { Outcome } from "./recognise-outcome.ts";

export type RecogniseRun = {
  /** For the whole command, as written by the user. */
  readonly timeout: string;
  /** In the order of the images; empty if nothing is drawn. */
  readonly annotations: readonly AnnotationFile[];
  readonly signal: AbortSignal;
  readonly reader: Once<PictureReader>;
  readonly onStart: (file: string, index: number) => void;
  readonly onOutcome: (outcome: Outcome, index: number) => void;
};

/** One image at a time: reading already keeps the processor busy. */
export async function recogniseImages(
  paths: readonly string[],
  run: RecogniseRun,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, path] of paths.entries()) {
    const outcome = await recogniseOne(path, index, run);
    outcomes.push(outcome);
    run.onOutcome(outcome, index);
  }
  return outcomes;
}

async function recogniseOne(path: string, index: number, run: RecogniseRun): Promise<Outcome> {
  const { signal } = run;
  try {
    signal.throwIfAborted();
    run.onStart(path, index);
    const report = await orAborted(readAndDraw(path, index, run), signal);
    return { type: "report", report };
  } catch (error) {
    return { type: "error", file: path, error: naming(path, asTuError(error), run) };
  }
}

async function readAndDraw(
  path: string,
  index: number,
  run: RecogniseRun,
): Promise<RecogniseReport> {
  const bytes = await readImageFile(path, run.signal);
  const recognised = await readPicture(path, bytes, run, run.signal);
  return drawn(path, bytes, recognised, run.annotations[index]);
}

/** Names the image for which the time was too short. */
function naming(path: string, error: TuError, { signal, timeout }: RecogniseRun): TuError {
  if (error.code !== "E_DEADLINE" || error !== signal.reason) return error;
  const name = path === "-" ? "standard input" : path;
  return new TuError("E_DEADLINE", `${name} was not read within ${timeout}`, {
    hint: "raise --timeout",
  });
}

async function readPicture(
  path: string,
  bytes: Uint8Array,
  { reader }: RecogniseRun,
  signal: AbortSignal,
): Promise<RecognisedImage> {
  const ports = await reader.get();
  try {
    return await recogniseImage({ bytes, signal }, ports);
  } catch (error) {
    throw signal.aborted ? error : namingFile(path, error);
  }
}

async function drawn(
  path: string,
  bytes: Uint8Array,
  recognised: RecognisedImage,
  file: AnnotationFile | undefined,
): Promise<RecogniseReport> {
  if (file === undefined) return recogniseReport(path, recognised, null);
  const startMs = performance.now();
  const { annotate, write } = await openAnnotation();
  const { aggregate } = recognised.recognition;
  const drawing = {
    marks: [
      ...recognised.explained.texts.map(({ meanings, text }) => markOf(text, meanings)),
      ...recognised.explained.hints.flatMap(({ hint, meanings }) => {
        const { box, source, text } = hint;
        return box === null ? [] : [markOf({ box, text, preparation: source }, meanings)];
      }),
    ],
    legend: machineText(aggregate),
  };
  await write(file.path, await annotate(bytes, drawing, file.format));
  const draw = { name: "draw", ms: Math.round(performance.now() - startMs) };
  const timings = [...recognised.timings, draw];
  return recogniseReport(path, { ...recognised, timings }, file.path);
}

/** A text that is both brand and model is drawn as the brand. */
function markOf(
  place: Pick<ReadText, "box" | "degrees" | "preparation" | "text">,
  meanings: readonly Meaning[],
) {
  const best =
    meanings.find(({ about, isTaken }) => isTaken && about === "brand") ??
    meanings.find(({ isTaken }) => isTaken) ??
    meanings[0];
  const about = best?.about === "type" ? "model" : best?.about;
  return { ...place, kind: about ?? ("other" as const), isTaken: best?.isTaken ?? false };
}
