import { TuError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { FlowRetention } from "../ports/flow-retention.ts";
import type { PruneReport } from "../reports/state.ts";
import { toIso } from "../time.ts";
import { settleUploads } from "./confirmed-uploads.ts";
import { applyPrune, type KeepLimits, type Kept, planPrune, pruneSeen } from "./keep-state.ts";

type PruneOptions = {
  readonly limits: KeepLimits;
  readonly clock: Pick<Clock, "nowMs">;
  readonly signal: AbortSignal;
  /** Changes nothing, and reports what would be removed. Default false. */
  readonly isDryRun?: boolean;
};

/** Removes whatever exceeds a limit. `kept` is null if there is no state. */
export async function pruneState(
  kept: Kept | null,
  { clock, isDryRun = false, limits, signal }: PruneOptions,
): Promise<PruneReport> {
  const schema = "tu-analyze/state-prune@1";
  if (kept === null) return { schema, isDryRun, flows: [], uploads: [], objects: [] };
  if (!isDryRun) await settleUploads(kept, toIso(clock.nowMs()));
  const plan = await planPrune(kept, limits, clock);
  const gone = isDryRun ? null : new Set(await applyPrune(kept, plan, signal));
  if (!isDryRun) await pruneSeen(kept, limits, clock);
  return {
    ...{ schema, isDryRun },
    flows: plan.flows
      .filter(({ flowId }) => gone === null || gone.has(flowId))
      .map(({ flow, flowId, lastAtMs, sizeBytes }) => ({
        ...{ flow, flowId, sizeBytes },
        lastAt: toIso(lastAtMs),
      })),
    uploads: plan.uploads.map(({ uploadId }) => uploadId),
    objects: plan.objects.map(({ key, sizeBytes }) => ({ key, sizeBytes })),
  };
}

/** Reclaims the space of what was removed, except in files that another process uses. False: there was one. */
export async function compactFiles(
  files: Iterable<Pick<FlowRetention, "compact">>,
): Promise<boolean> {
  let isAll = true;
  for (const file of files) {
    try {
      await file.compact();
    } catch (error) {
      if (!(error instanceof TuError) || error.code !== "E_STATE_BUSY") throw error;
      isAll = false;
    }
  }
  return isAll;
}
