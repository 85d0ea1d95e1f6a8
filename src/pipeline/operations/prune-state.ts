import { TuError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { PruneReport } from "../reports/state.ts";
import { toIso } from "../time.ts";
import { settleUploads } from "./confirmed-uploads.ts";
import { applyPrune, type KeepLimits, type Kept, planPrune } from "./keep-state.ts";

type PruneOptions = {
  readonly limits: KeepLimits;
  /** Changes nothing, and says what would go. */
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, "nowMs">;
  /** A file keeps its size because another process uses it. */
  readonly onBusy: () => void;
};

/** Removes what is over a limit, and gives back the space. `kept` is null where there is no state. */
export async function pruneState(
  kept: Kept | null,
  { clock, isDryRun, limits, onBusy, signal }: PruneOptions,
): Promise<PruneReport> {
  const report: PruneReport = {
    schema: "tu-analyze/state-prune@1",
    ...{ isDryRun, flows: [], uploads: [], objects: [] },
  };
  if (kept === null) return report;
  if (!isDryRun) await settleUploads(kept, toIso(clock.nowMs()));
  const plan = await planPrune(kept, limits, clock);
  if (!isDryRun) {
    const removed = await applyPrune(kept, plan, signal);
    if (removed.flows > 0) await compact(kept, onBusy);
  }
  return {
    ...report,
    flows: plan.flows.map(({ flow, flowId, lastAtMs, sizeBytes }) => ({
      ...{ flow, flowId, sizeBytes },
      lastAt: toIso(lastAtMs),
    })),
    uploads: plan.uploads.map(({ uploadId }) => uploadId),
    objects: plan.objects.map(({ key, sizeBytes }) => ({ key, sizeBytes })),
  };
}

async function compact({ journals }: Kept, onBusy: () => void): Promise<void> {
  for (const journal of journals.values()) {
    try {
      await journal.compact();
    } catch (error) {
      if (!(error instanceof TuError) || error.code !== "E_STATE_BUSY") throw error;
      onBusy();
    }
  }
}
