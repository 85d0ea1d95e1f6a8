import { createMemoryFingerprints } from "../../adapters/memory/fingerprints.ts";
import { createMemoryFlowStore } from "../../adapters/memory/flow-store.ts";
import { createMemoryMachines } from "../../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../../adapters/memory/uploads.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { FlowRetention, KeptFlow } from "../ports/flow-retention.ts";
import { toEpochMs } from "../time.ts";
import type { KeepLimits, Kept } from "./keep-state.ts";

// An in-memory state directory.

export const dayMs = 86_400_000;
export const nowMs = toEpochMs("2026-06-01T00:00:00.000Z");
export const clock = { nowMs: () => nowMs };
const ids = { derive: (parent: string, what: string) => `${what} of ${parent}` };
export const none: KeepLimits = { olderThanMs: null, most: null };
export const keyOf = (flowId: string) => `images/2026/01/01/${flowId}.jpg`;

/** A flow that ended `daysAgo` days ago. */
export const ended = (flowId: string, daysAgo: number, more: Partial<KeptFlow> = {}): KeptFlow => ({
  flowId,
  subject: keyOf(flowId),
  firstAtMs: nowMs - daysAgo * dayMs,
  lastAtMs: nowMs - daysAgo * dayMs,
  entries: 11,
  sizeBytes: 7000,
  isFinished: true,
  isRemovable: true,
  deadLetters: 0,
  ...more,
});

/** Returns two flows per page. */
export function retentionOf(flows: readonly KeptFlow[], { isInUse = false } = {}) {
  let kept = flows;
  const confirms = new Map<string, Message>();
  const retention: FlowRetention = {
    async list({ after }) {
      const from = after ?? 0;
      return {
        flows: kept.slice(from, from + 2),
        next: from + 2 < kept.length ? from + 2 : null,
      };
    },
    async count() {
      const finished = kept.filter(({ isFinished }) => isFinished).length;
      return { finished, underWay: kept.length - finished };
    },
    async remove(flowIds) {
      const gone = kept.filter(({ flowId }) => flowIds.includes(flowId)).map((one) => one.flowId);
      kept = kept.filter(({ flowId }) => !gone.includes(flowId));
      return gone;
    },
    taken: async (messageId) => confirms.get(messageId),
    requireAlone() {
      if (isInUse) throw new TuError("E_STATE_BUSY", "in use", { hint: "" });
    },
    async clear() {
      kept = [];
    },
    compact: async () => undefined,
    verify: async () => [],
  };
  return { retention, confirms, left: () => kept.map(({ flowId }) => flowId) };
}

export async function keptWith(flows: readonly KeptFlow[], { machineOf = "" } = {}) {
  const { confirms, left, retention } = retentionOf(flows);
  const signer = {
    presign: () => ({ url: "", expiresAt: "" }),
    authorize: () => ({ allowed: false, reason: "malformed" }) as const,
  };
  const kept: Kept = {
    journals: new Map([["full", retention]]),
    taken: retention.taken,
    ids,
    uploads: createMemoryUploads(),
    machines: createMemoryMachines(),
    fingerprints: createMemoryFingerprints(),
    objects: createMemoryObjectStore({ signer }),
    seen: createMemoryFlowStore(),
  };
  for (const { flowId } of flows) await begin(kept, flowId);
  if (machineOf !== "")
    await kept.machines.save({
      machineId: "m1",
      checksum: null,
      brand: "Komatsu",
      type: null,
      model: null,
      name: "Komatsu",
      confidence: 0.9,
      sighting: {
        flowId: machineOf,
        objectKey: keyOf(machineOf),
        seenAt: "2026-01-01T00:00:00.000Z",
        verdict: "new",
      },
      resembles: [],
    });
  return { kept, left, confirms };
}

export async function begin(kept: Kept, id: string, createdAt = "2026-05-31T23:00:00.000Z") {
  const objectKey = keyOf(id);
  const rest = {
    contentType: "image/jpeg",
    status: "Pending",
    bytes: null,
    checksum: null,
  } as const;
  await kept.uploads.create({ uploadId: id, key: objectKey, createdAt, ...rest });
  // Its declared type only allows listing and deleting.
  const objects = kept.objects as ReturnType<typeof createMemoryObjectStore>;
  await objects.put(objectKey, new Uint8Array([1]), { contentType: "image/jpeg" });
  await kept.fingerprints.save({ ...print, objectKey, checksum: id });
}

export const print = { checksum: "none", perceptualHash: "0".repeat(64) };

export const contentsOf = async ({ fingerprints, objects, uploads }: Kept) => ({
  objects: (await objects.list()).map(({ key }) => key),
  uploads: (await uploads.list()).map(({ key }) => key),
  fingerprints: (await fingerprints.near(print, 256)).length,
});
