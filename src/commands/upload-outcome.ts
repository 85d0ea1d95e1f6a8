import type { TuError } from "../pipeline/errors.ts";
import type { RejectedReport, UploadReport } from "../pipeline/operations/upload-report.ts";
import { errorReport } from "./output.ts";

/** What became of one image: its analysis ended, or something kept it from being one. */
export type Outcome =
  | { readonly type: "report"; readonly report: UploadReport }
  | { readonly type: "error"; readonly file: string; readonly error: TuError };

export function isGood(outcome: Outcome): boolean {
  return outcome.type === "report" && outcome.report.status === "completed";
}

/** The signal that kept the image from having an outcome of its own. */
export function stopOf(outcome: Outcome): TuError | undefined {
  if (outcome.type === "report") return undefined;
  return ["E_INTERRUPTED", "E_TERMINATED"].includes(outcome.error.code) ? outcome.error : undefined;
}

/** The outcome as `-o json` and `-o jsonl` publish it. */
export function recordOf(outcome: Outcome): UploadReport | RejectedReport {
  if (outcome.type === "report") return outcome.report;
  const { code, hint, message } = errorReport(outcome.error);
  return {
    schema: "tu-analyze/upload@1",
    file: outcome.file,
    status: "rejected",
    failure: { code, reason: message, hint },
  };
}
