import { machineText } from "../adapters/terminal/reading-lines.ts";
import type { TuError } from "../pipeline/errors.ts";
import { follow } from "../pipeline/operations/upload.ts";
import type { UploadReport } from "../pipeline/reports/upload.ts";
import type { Pipeline } from "./compose.ts";
import { asTuError } from "./output.ts";
import type { Resumed } from "./resumed.ts";

/** The resumed flow of this picture, unless another upload has joined it. */
export function joinable(
  { resumed }: Pipeline,
  checksum: string,
  joined: ReadonlySet<string>,
): Resumed | undefined {
  return resumed.find(({ flowId, note }) => note?.checksum === checksum && !joined.has(flowId));
}

export function followResumed(
  { events, flowId, note }: Resumed,
  pipeline: Pipeline,
  signal: AbortSignal,
  file = note?.file ?? "",
): Promise<UploadReport> {
  return follow({ file, flowId, objectKey: note?.objectKey ?? "", events, signal }, pipeline);
}

/**
 * Flows that an earlier run left behind continue alongside the uploads and are awaited after them; the end of each
 * is reported. Resolves with the signal's reason if that came first.
 */
export async function waitForResumed(
  opened: Pipeline,
  joined: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<TuError | undefined> {
  const others = opened.resumed.filter(({ flowId }) => !joined.has(flowId));
  const ends = others.map(async (resumed) => {
    const report = await followResumed(resumed, opened, signal);
    await opened.notes.remove(resumed.flowId);
    tell(opened, `${nameOf(resumed)} ${endOf(report)}`, resumed.flowId);
  });
  const settled = await Promise.allSettled(ends);
  for (const [index, end] of settled.entries()) {
    const resumed = others[index];
    if (end.status === "fulfilled" || resumed === undefined) continue;
    tell(opened, `${nameOf(resumed)} has not ended; the next start resumes it`, resumed.flowId);
  }
  const failed = settled.find((end) => end.status === "rejected");
  return failed === undefined ? undefined : asTuError(failed.reason);
}

const nameOf = ({ flowId, note }: Resumed): string =>
  note === null ? `flow ${flowId}` : `${note.file} (flow ${flowId})`;

const tell = ({ recorder }: Pipeline, message: string, flowId: string) =>
  recorder.notice({ code: "resumed", message, flowId });

function endOf({ failure, result, status }: UploadReport): string {
  if (failure !== undefined)
    return `${status} in step ${failure.step}: ${failure.code}: ${failure.reason}`;
  const { comparison, recognition } = result;
  const machine = recognition === null ? "" : `: ${machineText(recognition.aggregate)}`;
  const isFound = result.machine !== null;
  const verdict = isFound && comparison !== null ? `  verdict ${comparison.verdict}` : "";
  return `${status}${machine}${verdict}`;
}
