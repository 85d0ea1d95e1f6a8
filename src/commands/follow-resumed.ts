import { machineText } from "../adapters/terminal/reading-lines.ts";
import type { TuError } from "../pipeline/errors.ts";
import { follow } from "../pipeline/operations/upload.ts";
import type { UploadReport } from "../pipeline/reports/upload.ts";
import { durationText } from "../pipeline/time.ts";
import type { Pipeline } from "./compose.ts";
import { asTuError } from "./output.ts";
import type { Resumed } from "./resumed.ts";

/** The resumed flow of this picture, unless another upload has joined it. */
export function joinable(
  { resumed }: Pipeline,
  checksum: string,
  joined: ReadonlySet<string>,
): Resumed | undefined {
  return resumed().find(({ flowId, note }) => note?.checksum === checksum && !joined.has(flowId));
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
 * Flows that an earlier run left behind continue alongside the uploads and are awaited after them, if the timer that
 * they wait for is due within this run; the end of each is reported. Resolves with the signal's reason if that came
 * first.
 */
export async function waitForResumed(
  opened: Pipeline,
  joined: ReadonlySet<string>,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<TuError | undefined> {
  const seen = new Set(joined);
  for (;;) {
    // Another process may die meanwhile, and leave more.
    const next = opened.resumed().filter(({ flowId }) => !seen.has(flowId));
    if (next.length === 0) return undefined;
    for (const { flowId } of next) seen.add(flowId);
    const leftMs = deadlineMs - performance.now();
    const isDue = ({ waitsUntilMs }: Resumed) =>
      waitsUntilMs === null || waitsUntilMs - opened.clock.nowMs() < leftMs;
    for (const later of next.filter((resumed) => !isDue(resumed)))
      tell(opened, `${nameOf(later)} waits for a timer; a later start resumes it`, later.flowId);
    const stopped = await awaitEnds(next.filter(isDue), opened, signal);
    if (stopped !== undefined) return stopped;
  }
}

async function awaitEnds(
  flows: readonly Resumed[],
  opened: Pipeline,
  signal: AbortSignal,
): Promise<TuError | undefined> {
  const ends = flows.map(async (resumed) => {
    const waitMs = (resumed.waitsUntilMs ?? 0) - opened.clock.nowMs();
    if (waitMs > 0)
      tell(
        opened,
        `waiting for ${nameOf(resumed)}, due in ${durationText(waitMs)}`,
        resumed.flowId,
      );
    const report = await followResumed(resumed, opened, signal);
    await opened.notes.remove(resumed.flowId);
    tell(opened, `${nameOf(resumed)} ${endOf(report)}`, resumed.flowId);
  });
  const settled = await Promise.allSettled(ends);
  for (const [index, end] of settled.entries()) {
    const resumed = flows[index];
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
