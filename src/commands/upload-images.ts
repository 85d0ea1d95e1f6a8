import { basename } from "node:path";
import type { TuError } from "../pipeline/errors.ts";
import type { Once } from "../pipeline/once.ts";
import { checkImage } from "../pipeline/operations/check-image.ts";
import { type UploadInput, upload } from "../pipeline/operations/upload.ts";
import { orAborted } from "../pipeline/or-aborted.ts";
import type { UploadReport } from "../pipeline/reports/upload.ts";
import { toIso } from "../pipeline/time.ts";
import type { Pipeline } from "./compose.ts";
import { openInput } from "./compose-images.ts";
import type { Settings } from "./config.ts";
import { type Expectations, mismatchesOf } from "./expectations.ts";
import { followResumed, joinable, waitForResumed } from "./follow-resumed.ts";
import { namingFile, readImageFile } from "./image-input.ts";
import { asTuError } from "./output.ts";
import type { Resumed } from "./resumed.ts";
import {
  failedOutcome,
  type Outcome,
  type Progress,
  type Successor,
  stopOf,
} from "./upload-outcome.ts";
import type { UploadScreen } from "./upload-screen.ts";

/** One invocation of the command. */
export type UploadRun = {
  /** Reports each outcome as it arrives. */
  readonly isBatch: boolean;
  readonly withTimings: boolean;
  readonly successor: Successor;
  readonly settings: Settings;
  readonly expectations: Expectations | undefined;
  readonly screen: UploadScreen;
  /** Called for every image that is recorded from now on. */
  readonly onAccepted: () => void;
  /** Called when every image has its outcome, before flows of an earlier run are awaited. */
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
  readonly signal: AbortSignal;
  /** When the signal reports E_DEADLINE, in milliseconds since the start of the process. */
  readonly deadlineMs: number;
  /** The code of the pipeline, loaded while the first picture is checked. */
  readonly preloaded: Once<void>;
  readonly pipeline: Once<Pipeline>;
};

export type Uploaded = {
  readonly outcomes: readonly Outcome[];
  /** Set if every image had its outcome, and a signal came before the flows of an earlier run ended. */
  readonly stopped: TuError | undefined;
};

/** A bounded number run concurrently; pictures with equal content run in sequence, so that the second is known. */
export async function uploadImages(paths: readonly string[], run: UploadRun): Promise<Uploaded> {
  const outcomes: Outcome[] = [];
  const shared: Shared = { sameContent: new Map(), joined: new Set() };
  const waiting = [...paths.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, path] = next;
      const outcome = await uploadOne({ path, index }, run, shared);
      outcomes[index] = outcome;
      if (run.isBatch) run.screen.outcome(outcome, index);
    }
  };
  const workers = Math.min(run.settings.concurrency, paths.length);
  await Promise.all(Array.from({ length: workers }, worker));
  run.onOutcomes(outcomes);
  // Opening itself may be what hangs.
  if (outcomes.some((outcome) => stopOf(outcome) !== undefined))
    return { outcomes, stopped: undefined };
  const opened = await run.pipeline.opened();
  if (opened === undefined) return { outcomes, stopped: undefined };
  return { outcomes, stopped: await waitForResumed(opened, shared.joined, run) };
}

type Shared = {
  /** By checksum: the last upload of this content. */
  readonly sameContent: Map<string, Promise<unknown>>;
  /** Flows of an earlier run that an image of this one has joined. */
  readonly joined: Set<string>;
};

async function uploadOne(
  { index, path }: { readonly path: string; readonly index: number },
  run: UploadRun,
  shared: Shared,
): Promise<Outcome> {
  let progress: Progress | undefined;
  const onProgress = (next: Progress) => {
    progress = next;
    if (next.stage !== "confirming") run.screen.started(next.flowId, index);
    if (next.stage !== "started") run.onAccepted();
  };
  try {
    const { picture, pipeline } = await readPicture(path, run);
    const readyAtMs = performance.now();
    const checksum = pipeline.digest(picture.bytes);
    const work = async () => {
      const resumed = joinable(pipeline, checksum, shared.joined);
      const report =
        resumed === undefined
          ? await uploadPicture({ ...picture, checksum }, pipeline, run, onProgress)
          : await join(resumed, path, { pipeline, run, shared, onProgress });
      await pipeline.notes.remove(report.flowId);
      return report;
    };
    const before = shared.sameContent.get(checksum) ?? Promise.resolve();
    const mine = before.then(work, work);
    shared.sameContent.set(checksum, mine);
    const report = withTimings(await mine, run, readyAtMs);
    const { expectations } = run;
    if (expectations === undefined) return { type: "report", report };
    return {
      type: "report",
      report: { ...report, mismatches: mismatchesOf(report, expectations) },
    };
  } catch (error) {
    return failedOutcome(path, asTuError(error), { successor: run.successor, progress });
  }
}

/** The picture of a resumed flow: it is in progress already, and one flow for it is enough. */
function join(
  resumed: Resumed,
  path: string,
  to: {
    readonly pipeline: Pipeline;
    readonly run: UploadRun;
    readonly shared: Shared;
    readonly onProgress: (progress: Progress) => void;
  },
): Promise<UploadReport> {
  to.shared.joined.add(resumed.flowId);
  to.onProgress({ stage: "accepted", flowId: resumed.flowId });
  return followResumed(resumed, to.pipeline, to.run.signal, path);
}

type Picture = {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly format: string;
  readonly contentType: string;
};

/** The picture, and the pipeline, which is opened for the first acceptable one. */
async function readPicture(
  path: string,
  run: UploadRun,
): Promise<{ picture: Picture; pipeline: Pipeline }> {
  const { signal } = run;
  signal.throwIfAborted();
  const bytes = await readImageFile(path, signal);
  run.preloaded.get().catch(() => undefined); // the pipeline meets the same error
  const { images } = await openInput();
  const { contentType, format } = await checkImage(bytes, images).catch((error: unknown) => {
    throw namingFile(path, error);
  });
  signal.throwIfAborted();
  const pipeline = await orAborted(run.pipeline.get(), signal);
  return { picture: { file: path, bytes, format, contentType }, pipeline };
}

function uploadPicture(
  { bytes, checksum, contentType, file, format }: Picture & { readonly checksum: string },
  pipeline: Pipeline,
  { signal }: UploadRun,
  onProgress: (progress: Progress) => void,
): Promise<UploadReport> {
  const filename = file === "-" ? `stdin.${format}` : basename(file);
  const onStage: UploadInput["onStage"] = async (stage, { flowId, objectKey }) => {
    onProgress({ stage, flowId });
    if (stage !== "confirming") return;
    const startedAt = toIso(pipeline.clock.nowMs());
    await pipeline.notes.put(flowId, { file, objectKey, checksum, startedAt });
  };
  return upload({ file, filename, contentType, bytes, signal, onStage }, pipeline);
}

/** With the time from the start of the process until the pipeline was ready. */
function withTimings(
  { timings, ...report }: UploadReport,
  run: UploadRun,
  readyAtMs: number,
): UploadReport {
  if (!run.withTimings) return report;
  const startUp = { name: "start-up", ms: Math.round(readyAtMs) };
  return { ...report, timings: [startUp, ...(timings ?? [])] };
}
