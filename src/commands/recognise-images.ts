import { machineText } from "../adapters/terminal/reading-lines.ts";
import { TuError } from "../pipeline/errors.ts";
import {
  type RecognisedImage,
  type RecogniseReport,
  recogniseImage,
  recogniseReport,
} from "../pipeline/operations/recognise-image.ts";
import { orAborted } from "../pipeline/or-aborted.ts";
import type { ReadText } from "../pipeline/ports.ts";
import type { Meaning } from "../pipeline/recognition/explain.ts";
import type { AnnotationFile } from "./annotation-files.ts";
import { openAnnotation, type PictureReader } from "./compose-images.ts";
import { namingFile, readImageFile } from "./image-input.ts";
import type { Once } from "./once.ts";
import { asTuError } from "./output.ts";
import type { Outcome } from "./recognise-outcome.ts";

export type RecogniseRun = {
  /** For each image, as it was written. */
  readonly timeout: string;
  readonly deadlineMs: number;
  /** In the order of the images; empty when nothing is drawn. */
  readonly annotations: readonly AnnotationFile[];
  readonly signal: AbortSignal;
  readonly reader: Once<PictureReader>;
  readonly onStart: (file: string, index: number) => void;
  readonly onOutcome: (outcome: Outcome, index: number) => void;
};

/** setTimeout fires at once beyond this. */
const longestMs = 2 ** 31 - 1;

/** One image after the other: reading keeps a processor busy by itself. */
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
  try {
    run.signal.throwIfAborted();
    run.onStart(path, index);
    // The time from the start of the process is the first one's.
    const spentMs = index === 0 ? performance.now() : 0;
    const report = await withDeadline(path, spentMs, run, async (signal) => {
      const bytes = await readImageFile(path, signal);
      const recognised = await readPicture(path, bytes, run, signal);
      return drawn(path, bytes, recognised, run.annotations[index]);
    });
    return { type: "report", report };
  } catch (error) {
    return { type: "error", file: path, error: asTuError(error) };
  }
}

async function withDeadline<T>(
  path: string,
  spentMs: number,
  { deadlineMs, signal, timeout }: RecogniseRun,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const name = path === "-" ? "standard input" : path;
  const late = () =>
    deadline.abort(
      new TuError("E_DEADLINE", `${name} was not read within ${timeout}`, {
        hint: "give it longer with --timeout",
      }),
    );
  const timer = setTimeout(late, Math.min(longestMs, Math.max(0, deadlineMs - spentMs)));
  const both = AbortSignal.any([signal, deadline.signal]);
  try {
    return await orAborted(work(both), both);
  } finally {
    clearTimeout(timer);
  }
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
    legend: machineText({ machine: aggregate }),
  };
  await write(file.path, await annotate(bytes, drawing, file.format));
  const draw = { name: "draw", ms: Math.round(performance.now() - startMs) };
  const timings = [...recognised.timings, draw];
  return recogniseReport(path, { ...recognised, timings }, file.path);
}

/** A text that is brand and model at once is drawn as the brand. */
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
