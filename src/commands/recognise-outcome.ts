import type { TuError } from "../pipeline/errors.ts";
import type { RecogniseReport, UnreadReport } from "../pipeline/reports/recognise.ts";
import { errorReport } from "./output.ts";

/** The outcome of one image. */
export type Outcome =
  | { readonly type: "report"; readonly report: RecogniseReport }
  | { readonly type: "error"; readonly file: string; readonly error: TuError };

/** Whether a signal, or the deadline, ended it. */
export function isStopped(
  outcome: Outcome,
): outcome is Extract<Outcome, { readonly type: "error" }> {
  const codes = ["E_INTERRUPTED", "E_TERMINATED", "E_DEADLINE"];
  return outcome.type === "error" && codes.includes(outcome.error.code);
}

/** The outcome as `-o json` and `-o jsonl` publish it. */
export function recordOf(outcome: Outcome): RecogniseReport | UnreadReport {
  if (outcome.type === "report") return outcome.report;
  const { code, hint, message } = errorReport(outcome.error);
  return {
    schema: "tu-analyze/recognise@1",
    file: outcome.file,
    status: "rejected",
    failure: { code, reason: message, hint },
  };
}
