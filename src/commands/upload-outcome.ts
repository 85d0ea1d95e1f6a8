import { TuError } from "../pipeline/errors.ts";
import type { UploadStage } from "../pipeline/operations/upload.ts";
import type { RejectedReport, UnfinishedReport, UploadReport } from "../pipeline/reports/upload.ts";
import { errorReport } from "./output.ts";

/** The outcome of one image: its analysis ended, or something prevented it. */
export type Outcome =
  | { readonly type: "report"; readonly report: UploadReport }
  | {
      readonly type: "error";
      readonly file: string;
      readonly error: TuError;
      /** Rejected by default. */
      readonly fate?: Fate;
    };

/**
 * The fate of an image whose analysis was not awaited. `unknown`: it was being confirmed. `abandoned`: it was in
 * progress, and nothing is kept.
 */
export type Fate = {
  readonly status: UnfinishedReport["status"];
  readonly flowId: string | null;
};

/** How far an upload came. */
export type Progress = { readonly stage: UploadStage; readonly flowId: string };

/** It completed and meets the expectations, if there are any. */
export function isGood(outcome: Outcome): boolean {
  if (outcome.type === "error") return false;
  const { mismatches, status } = outcome.report;
  return mismatches === undefined ? status === "completed" : mismatches.length === 0;
}

export function hasMismatch(outcome: Outcome): boolean {
  return outcome.type === "report" && (outcome.report.mismatches?.length ?? 0) > 0;
}

const stopCodes = ["E_INTERRUPTED", "E_TERMINATED", "E_DEADLINE", "E_OUTPUT"];

/** What stopped the command, if that kept this image from finishing. */
export function stopOf(outcome: Outcome): TuError | undefined {
  if (outcome.type === "report") return undefined;
  return stopCodes.includes(outcome.error.code) ? outcome.error : undefined;
}

/**
 * Who finishes what was accepted when this command ends: the next start, the pipeline in another process, the services
 * that others run, or nobody because nothing is kept.
 */
export type Successor = keyof typeof finishes | "nobody";

const finishes = {
  "next start": "the next start resumes it",
  "running pipeline": "the running pipeline, or its next start, finishes it",
  cluster: "the cluster continues it",
} as const;

/** The outcome and fate of an image that met an error; it never promises anything about what was not accepted. */
export function failedOutcome(
  file: string,
  error: TuError,
  run: { readonly successor: Successor; readonly progress: Progress | undefined },
): Outcome {
  const isStopped = stopCodes.includes(error.code);
  const fate = fateOf(error, run.successor !== "nobody", run.progress);
  if (fate === undefined) return { type: "error", file, error };
  const { said, next } = words(fate, run.successor);
  const hint = [next, ...(isStopped && error.hint !== undefined ? [error.hint] : [])].join("; ");
  const message = `${error.message}; ${said}`;
  const told = new TuError(error.code, message, { hint, cause: error });
  return { type: "error", file, error: told, fate };
}

function fateOf(error: TuError, isKept: boolean, progress: Progress | undefined): Fate | undefined {
  const isStopped = stopCodes.includes(error.code);
  const flowId = progress?.flowId ?? null;
  if (progress?.stage === "accepted") return { status: isKept ? "accepted" : "abandoned", flowId };
  // A refusal is a response; after any other error the outcome is unknown.
  if (progress?.stage === "confirming" && error.code !== "E_UPLOAD_REFUSED")
    return { status: isKept ? "unknown" : "abandoned", flowId };
  return isStopped ? { status: "not-started", flowId: null } : undefined;
}

function words(
  { flowId, status }: Fate,
  successor: Successor,
): { readonly said: string; readonly next: string } {
  const next = successor === "nobody" ? "" : finishes[successor];
  switch (status) {
    case "accepted":
      return { said: `accepted as flow ${flowId}`, next };
    case "unknown":
      return {
        said: `it was being confirmed and may be accepted as flow ${flowId}`,
        next: `if so, ${next}`,
      };
    case "abandoned":
      return { said: "it was in progress, and nothing is stored", next: "run it again" };
    default:
      return { said: "not started", next: "run it again" };
  }
}

/** The outcome as `-o json` and `-o jsonl` publish it. */
export function recordOf(outcome: Outcome): UploadReport | RejectedReport | UnfinishedReport {
  if (outcome.type === "report") return outcome.report;
  const { error, fate, file } = outcome;
  const { code, hint, message } = errorReport(error);
  const failure = { code, reason: message, hint };
  const schema = "tu-analyze/upload@1";
  return fate === undefined
    ? { schema, file, status: "rejected", failure }
    : { schema, file, ...fate, failure };
}
