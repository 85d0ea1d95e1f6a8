import { basename } from "node:path";
import type { FlowState } from "../pipeline/engine/state.ts";
import type { TuError } from "../pipeline/errors.ts";
import { checkImage } from "../pipeline/operations/check-image.ts";
import { type UploadStage, upload } from "../pipeline/operations/upload.ts";
import type { UploadReport } from "../pipeline/operations/upload-report.ts";
import { orAborted } from "../pipeline/or-aborted.ts";
import type { Hop } from "../pipeline/ports.ts";
import type { Pipeline } from "./compose.ts";
import { openInput } from "./compose-images.ts";
import type { Settings } from "./config.ts";
import { namingFile, readImageFile } from "./image-input.ts";
import type { Once } from "./once.ts";
import { asTuError } from "./output.ts";
import { failedOutcome, type Outcome, type Progress, stopOf } from "./upload-outcome.ts";
import type { UploadScreen } from "./upload-screen.ts";

/** One invocation of the command. */
export type UploadRun = {
  readonly withTimings: boolean;
  /** False with --ephemeral. */
  readonly isKept: boolean;
  readonly settings: Settings;
  readonly screen: UploadScreen;
  /** Hears of every image that is recorded from now on. */
  readonly onAccepted: () => void;
  readonly signal: AbortSignal;
  /** The code of the pipeline: it is loaded while the first picture is checked. */
  readonly preloaded: Once<void>;
  readonly pipeline: Once<Pipeline>;
};

export type Uploaded = {
  readonly outcomes: readonly Outcome[];
  /** Set when every image had its outcome, and a signal came before the flows of an earlier run ended. */
  readonly stopped: TuError | undefined;
};

/** A bounded number at once; pictures with the same content one after the other, so that the second is known. */
export async function uploadImages(paths: readonly string[], run: UploadRun): Promise<Uploaded> {
  const outcomes: Outcome[] = [];
  const sameContent = new Map<string, Promise<unknown>>();
  const waiting = [...paths.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, path] = next;
      const outcome = await uploadOne(path, run, sameContent);
      outcomes[index] = outcome;
      if (paths.length > 1) run.screen.outcome(outcome);
    }
  };
  const workers = Math.min(run.settings.concurrency, paths.length);
  await Promise.all(Array.from({ length: workers }, worker));
  // Opening itself may be what does not answer.
  if (outcomes.some((outcome) => stopOf(outcome) !== undefined))
    return { outcomes, stopped: undefined };
  return { outcomes, stopped: await waitForResumed(run) };
}

async function uploadOne(
  path: string,
  run: UploadRun,
  sameContent: Map<string, Promise<unknown>>,
): Promise<Outcome> {
  let progress: Progress | undefined;
  const onProgress = (next: Progress) => {
    progress = next;
    if (next.stage === "started") run.screen.started(next.flowId, path);
    else run.onAccepted();
  };
  try {
    const { picture, pipeline } = await readPicture(path, run);
    const readyAtMs = performance.now();
    const checksum = pipeline.digest(picture.bytes);
    const work = () => uploadPicture(picture, pipeline, run, onProgress);
    const before = sameContent.get(checksum) ?? Promise.resolve();
    const mine = before.then(work, work);
    sameContent.set(checksum, mine);
    return { type: "report", report: withTimings(await mine, run, readyAtMs) };
  } catch (error) {
    return failedOutcome(path, asTuError(error), { isKept: run.isKept, progress });
  }
}

type Picture = {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly format: string;
  readonly contentType: string;
};

/** The picture, and the pipeline that is opened for the first that can be taken. */
async function readPicture(
  path: string,
  run: UploadRun,
): Promise<{ picture: Picture; pipeline: Pipeline }> {
  const { signal } = run;
  signal.throwIfAborted();
  const bytes = await readImageFile(path, signal);
  run.preloaded.get().catch(() => undefined); // the pipeline meets it again
  const { images } = await openInput();
  const { contentType, format } = await checkImage(bytes, images).catch((error: unknown) => {
    throw namingFile(path, error);
  });
  signal.throwIfAborted();
  const pipeline = await orAborted(run.pipeline.get(), signal);
  return { picture: { file: path, bytes, format, contentType }, pipeline };
}

function uploadPicture(
  { bytes, contentType, file, format }: Picture,
  pipeline: Pipeline,
  { signal }: UploadRun,
  onProgress: (progress: Progress) => void,
): Promise<UploadReport> {
  const filename = file === "-" ? `stdin.${format}` : basename(file);
  const onStage = (stage: UploadStage, flowId: string) => onProgress({ stage, flowId });
  return upload({ file, filename, contentType, bytes, signal, onStage }, pipeline);
}

/** With the time from the start of the process until the pipeline was up. */
function withTimings(
  { timings, ...report }: UploadReport,
  run: UploadRun,
  readyAtMs: number,
): UploadReport {
  if (!run.withTimings) return report;
  const startUp = { name: "start-up", ms: Math.round(readyAtMs) };
  return { ...report, timings: [startUp, ...(timings ?? [])] };
}

/**
 * What a crash left goes on beside the uploads, and is waited for after them. Resolves with the signal's
 * reason when that came first.
 */
async function waitForResumed({ pipeline, signal }: UploadRun): Promise<TuError | undefined> {
  const opened = await pipeline.opened();
  if (opened === undefined || opened.resumed.length === 0) return undefined;
  const left = new Set(opened.resumed);
  const ends = opened.resumed.map(async (flowId) => {
    await opened.recorder.until(flowId, isEnd);
    left.delete(flowId);
    tell(opened, `flow ${flowId} ${endOf(await opened.stateOf(flowId))}`, flowId);
  });
  const stopped = await orAborted(Promise.all(ends), signal).then(
    () => undefined,
    (error: unknown) => asTuError(error),
  );
  if (left.size > 0) {
    const flows = left.size === 1 ? "a resumed flow has" : `${left.size} resumed flows have`;
    tell(opened, `${flows} not ended yet; the next start goes on with that`, null);
  }
  return stopped;
}

const isEnd = ({ name, to }: Hop): boolean =>
  to === "graph-gateway" && ["analysis.completed", "analysis.failed"].includes(name);

const tell = ({ recorder }: Pipeline, message: string, flowId: string | null) =>
  recorder.notice({ code: "resumed", message, flowId });

function endOf(state: FlowState): string {
  if (state.status !== "failed") return state.status;
  const { code, reason, step } = state.failure;
  return `failed in step ${step}: ${code}: ${reason}`;
}
