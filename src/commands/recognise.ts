import { exitCodes } from "../pipeline/errors.ts";
import { once } from "../pipeline/once.ts";
import { requireOneStdin, type VisionFlags, visionFlags } from "./arguments.ts";
import { deadlineOf, loadSettings, type Settings, visionOptions } from "./config.ts";
import { createProblems } from "./problems.ts";
import type { RecogniseRun } from "./recognise-images.ts";
import { isStopped, type Outcome } from "./recognise-outcome.ts";
import {
  createRecogniseScreen,
  type RecogniseScreen,
  type ScreenOptions,
} from "./recognise-screen.ts";
import { untilSignal } from "./signals.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = ScreenOptions &
  VisionFlags & {
    readonly annotate?: string;
    readonly batch?: boolean;
    readonly timeout?: string;
  };

/** Reads one or more images, without the pipeline. */
export async function recogniseCommand(paths: readonly string[], options: Options): Promise<Work> {
  const problems = createProblems();
  problems.meet(() => requireOneStdin(paths), undefined);
  const flags = { timeout: options.timeout, ...visionFlags(options) };
  const read = await problems.meetLater(() => loadSettings(flags, paths.length));
  const settings = problems.settled(read);
  return () => recognise(paths, options, settings);
}

async function recognise(
  paths: readonly string[],
  options: Options,
  settings: Settings,
): Promise<number> {
  const deadline = deadlineOf(settings);
  const words = {
    now: "stopping",
    rest: "recognition was not finished",
    hint: "run it again; nothing was stored",
  };
  const stop = untilSignal(() => words, deadline);
  const isBatch = paths.length > 1 || options.batch === true;
  const screen = createRecogniseScreen(paths, {
    ...options,
    isReplayed: settings.vision === "replay",
  });
  const reader = once(async () => {
    const { openPictureReader } = await import("./compose-images.ts");
    const vision = { ...visionOptions(settings), isForOne: paths.length === 1 };
    return openPictureReader(vision, screen);
  });
  // Preparing takes longer than everything before the first picture; a failure occurs again there.
  if (settings.vision === "local") reader.get().catch(() => undefined);
  try {
    const run: RecogniseRun = {
      timeout: deadline.text,
      annotations: await plannedAnnotations(paths, isBatch, options.annotate),
      signal: stop.signal,
      reader,
      onStart: (file, index) => screen.started(file, index),
      onOutcome: (outcome, index) => {
        if (isBatch) screen.outcome(outcome, index);
      },
    };
    const { recogniseImages } = await import("./recognise-images.ts");
    return finish(await recogniseImages(paths, run), isBatch, screen);
  } finally {
    screen.close();
    await stop.drain(reader.opened()?.then((opened) => opened.close()));
  }
}

async function plannedAnnotations(
  images: readonly string[],
  isBatch: boolean,
  target: string | undefined,
) {
  if (target === undefined) return [];
  const { openAnnotation } = await import("./compose-images.ts");
  const { annotationFiles } = await import("./annotation-files.ts");
  return annotationFiles({ images, isBatch, target }, await openAnnotation());
}

/** Recognising nothing is a result too, and is printed as one. */
function finish(outcomes: readonly Outcome[], isBatch: boolean, screen: RecogniseScreen): number {
  const [only] = outcomes;
  if (!isBatch && only !== undefined) {
    // In JSON lines a single record has the same shape as several.
    if (only.type === "error" && screen.format !== "jsonl") throw only.error;
    screen.only(only);
    return only.type === "error" ? only.error.exitCode : exitCodes.done;
  }
  screen.summary(outcomes);
  const stopped = outcomes.find(isStopped);
  if (stopped !== undefined) return stopped.error.exitCode;
  const good = outcomes.filter(({ type }) => type === "report").length;
  if (good === outcomes.length) return exitCodes.done;
  return good > 0 ? exitCodes.partly : exitCodes.failed;
}
