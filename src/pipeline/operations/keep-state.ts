import type { Clock } from "../ports/clock.ts";
import type { Fingerprints } from "../ports/fingerprints.ts";
import type { FlowPlace, FlowRetention, KeptFlow } from "../ports/flow-retention.ts";
import type { FlowStore } from "../ports/flow-store.ts";
import type { Machines } from "../ports/machines.ts";
import type { ListedObject, ObjectStore } from "../ports/object-store.ts";
import type { UploadSession } from "../ports/uploads.ts";
import type { ClearReport } from "../reports/state.ts";
import { toIso } from "../time.ts";
import { type Confirmed, isConfirmed } from "./confirmed-uploads.ts";

// Pruning removes flows that are too old or too many, unconfirmed uploads, and the pictures and fingerprints of
// both. Machines and the pictures they were seen in are always kept.

/** An unconfirmed upload has no flow; its URL is valid for minutes. */
const pendingForMs = 24 * 3_600_000;
const batchSize = 200;

/** The content of a state directory. */
export type Kept = Confirmed & {
  /** Each journal, by the name of its flow. */
  readonly journals: ReadonlyMap<string, FlowRetention>;
  readonly machines: Machines;
  readonly fingerprints: Fingerprints;
  readonly objects: Pick<ObjectStore, "list" | "delete">;
  /** What was seen of flows. */
  readonly seen: Pick<FlowStore, "count" | "remove" | "prune" | "clear" | "compact">;
};
/** A finished flow is pruned if it is older, or if its journal has that many newer ones. Null: no limit. */
export type KeepLimits = { readonly olderThanMs: number | null; readonly most: number | null };

export type PrunePlan = {
  readonly flows: readonly (KeptFlow & { readonly flow: string })[];
  readonly uploads: readonly UploadSession[];
  readonly objects: readonly ListedObject[];
};

/** What pruning would remove now; changes nothing. */
export async function planPrune(
  kept: Kept,
  limits: KeepLimits,
  clock: Pick<Clock, "nowMs">,
): Promise<PrunePlan> {
  const flows: (KeptFlow & { flow: string })[] = [];
  for (const [flow, journal] of kept.journals)
    for (const one of await overdue(journal, limits, clock.nowMs())) flows.push({ ...one, flow });
  const keys = new Set(flows.map(({ subject }) => subject));
  const uploads: UploadSession[] = [];
  for (const batch of batchesOf([...keys])) uploads.push(...(await kept.uploads.ofKeys(batch)));
  for (const session of await kept.uploads.pendingBefore(toIso(clock.nowMs() - pendingForMs)))
    if (!keys.has(session.key) && !(await isConfirmed(session, kept))) uploads.push(session);
  for (const { key } of uploads) keys.add(key);
  const objects: ListedObject[] = [];
  // Usually nothing is removed, and then nothing has to be read.
  for (const object of keys.size === 0 ? [] : await kept.objects.list())
    if (keys.has(object.key) && (await isFree(object.key, kept.machines))) objects.push(object);
  return { flows, uploads, objects };
}

/** Returns the ids of the removed flows. They are removed last: if anything fails before, they lead to it next time. */
export async function applyPrune(
  kept: Kept,
  plan: PrunePlan,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { objects, uploads } = plan;
  for (const { key } of objects) {
    signal?.throwIfAborted();
    await kept.objects.delete(key);
  }
  for (const batch of batchesOf(objects))
    await kept.fingerprints.remove(batch.map(({ key }) => key));
  for (const batch of batchesOf(uploads))
    await kept.uploads.remove(batch.map(({ uploadId }) => uploadId));
  const gone: string[] = [];
  for (const [flow, journal] of kept.journals)
    for (const batch of batchesOf(plan.flows.filter((one) => one.flow === flow))) {
      signal?.throwIfAborted();
      gone.push(...(await journal.remove(batch.map(({ flowId }) => flowId))));
    }
  for (const batch of batchesOf(gone)) await kept.seen.remove(batch);
  return gone;
}

/** Some flows are only known from what was seen of them. Resolves with how many were forgotten. */
export function pruneSeen(
  { seen }: Pick<Kept, "seen">,
  { most, olderThanMs }: KeepLimits,
  clock: Pick<Clock, "nowMs">,
): Promise<number> {
  return seen.prune({ most, beforeMs: olderThanMs === null ? null : clock.nowMs() - olderThanMs });
}

/**
 * Removes all flows, uploads and pictures, even those in progress; machines and the pictures they were seen in only
 * if `what` includes them. Throws E_STATE_BUSY while another process uses the state. `kept` is null if there is no
 * state.
 */
export async function clearState(
  kept: Kept | null,
  what: "all but machines" | "machines too",
): Promise<Omit<ClearReport, "schema" | "directory">> {
  if (kept === null)
    return { flows: 0, uploads: 0, objects: 0, machinesKept: 0, machinesRemoved: 0 };
  // All or none.
  for (const journal of kept.journals.values()) journal.requireAlone();
  let flows = 0;
  for (const journal of kept.journals.values()) {
    const { finished, underWay } = await journal.count();
    flows += finished + underWay;
    await journal.clear();
  }
  await kept.seen.clear();
  const { machines: before } = await kept.machines.count();
  if (what === "machines too") await kept.machines.clear();
  const uploads = await kept.uploads.list();
  for (const batch of batchesOf(uploads))
    await kept.uploads.remove(batch.map(({ uploadId }) => uploadId));
  const objects: string[] = [];
  for (const { key } of await kept.objects.list())
    if (await isFree(key, kept.machines)) objects.push(key);
  for (const key of objects) await kept.objects.delete(key);
  for (const batch of batchesOf(objects)) await kept.fingerprints.remove(batch);
  const { machines: machinesKept } = await kept.machines.count();
  return {
    ...{ flows, uploads: uploads.length, objects: objects.length },
    ...{ machinesKept, machinesRemoved: before - machinesKept },
  };
}

/** Finished flows of one journal that exceed a limit, oldest first. */
async function overdue(
  journal: FlowRetention,
  { most, olderThanMs }: KeepLimits,
  nowMs: number,
): Promise<readonly KeptFlow[]> {
  const found: KeptFlow[] = [];
  let surplus = most === null ? 0 : (await journal.count()).finished - most;
  let after: FlowPlace = null;
  do {
    const page = await journal.list({ after, limit: batchSize });
    for (const flow of page.flows) {
      const isOld = olderThanMs !== null && flow.lastAtMs < nowMs - olderThanMs;
      if (!flow.isRemovable || !(isOld || surplus > 0)) continue;
      found.push(flow);
      surplus -= 1;
    }
    const begun = page.flows.at(-1)?.firstAtMs ?? 0;
    const areOlderAhead = olderThanMs !== null && begun < nowMs - olderThanMs;
    after = areOlderAhead || surplus > 0 ? page.next : null;
  } while (after !== null);
  return found;
}

async function isFree(objectKey: string, machines: Machines): Promise<boolean> {
  return (await machines.findByObjectKey(objectKey)) === undefined;
}

function batchesOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  const batches: (readonly T[])[] = [];
  for (let at = 0; at < all.length; at += batchSize) batches.push(all.slice(at, at + batchSize));
  return batches;
}
