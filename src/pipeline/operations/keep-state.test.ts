import { expect, test } from "vitest";
import { createMemoryFingerprints } from "../../adapters/memory/fingerprints.ts";
import { createMemoryMachines } from "../../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../../adapters/memory/uploads.ts";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { FlowRetention, KeptFlow } from "../ports/flow-retention.ts";
import { settleUploads } from "./confirmed-uploads.ts";
import { applyPrune, clearState, type KeepLimits, type Kept, planPrune } from "./keep-state.ts";

const dayMs = 86_400_000;
const nowMs = Date.parse("2026-06-01T00:00:00Z");
const clock = { nowMs: () => nowMs };
const ids = { derive: (parent: string, what: string) => `${what} of ${parent}` };
const none: KeepLimits = { olderThanMs: null, most: null };
const keyOf = (flowId: string) => `images/2026/01/01/${flowId}.jpg`;

/** A flow that ended so many days ago. */
const ended = (flowId: string, daysAgo: number, more: Partial<KeptFlow> = {}): KeptFlow => ({
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

/** Gives two flows a page. */
function retentionOf(flows: readonly KeptFlow[], { isInUse = false } = {}) {
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

async function keptWith(flows: readonly KeptFlow[], { machineOf = "" } = {}) {
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

async function begin(kept: Kept, id: string, createdAt = "2026-05-31T23:00:00.000Z") {
  const objectKey = keyOf(id);
  const rest = {
    contentType: "image/jpeg",
    status: "Pending",
    bytes: null,
    checksum: null,
  } as const;
  await kept.uploads.create({ uploadId: id, key: objectKey, createdAt, ...rest });
  // Its own type would say that objects can only be listed and deleted.
  const objects = kept.objects as ReturnType<typeof createMemoryObjectStore>;
  await objects.put(objectKey, new Uint8Array([1]), { contentType: "image/jpeg" });
  await kept.fingerprints.save({ ...print, objectKey, checksum: id });
}

const print = { checksum: "none", perceptualHash: "0".repeat(64) };

const contentsOf = async ({ fingerprints, objects, uploads }: Kept) => ({
  objects: (await objects.list()).map(({ key }) => key),
  uploads: (await uploads.list()).map(({ key }) => key),
  fingerprints: (await fingerprints.near(print, 256)).length,
});
const allOf = (...ids: readonly string[]) => ({
  objects: ids.map(keyOf),
  uploads: ids.map(keyOf),
  fingerprints: ids.length,
});

test("what ended before the limit goes, with its upload, its picture and its fingerprint", async () => {
  const { kept, left } = await keptWith([ended("a", 40), ended("b", 31), ended("c", 29)]);
  const plan = await planPrune(kept, { olderThanMs: 30 * dayMs, most: null }, clock);
  expect(plan.flows.map(({ flowId }) => flowId)).toEqual(["a", "b"]);
  expect(await contentsOf(kept)).toEqual(allOf("a", "b", "c"));
  expect(await applyPrune(kept, plan)).toEqual(["a", "b"]);
  expect(left()).toEqual(["c"]);
  expect(await contentsOf(kept)).toEqual(allOf("c"));
});

test("of too many the oldest go, however young", async () => {
  const flows = ["a", "b", "c", "d", "e"].map((id, at) => ended(id, 5 - at));
  const { kept, left } = await keptWith(flows);
  await applyPrune(kept, await planPrune(kept, { olderThanMs: null, most: 2 }, clock));
  expect(left()).toEqual(["d", "e"]);
});

test("without a limit nothing goes", async () => {
  const { kept } = await keptWith([ended("a", 4000)]);
  expect(await planPrune(kept, none, clock)).toEqual({ flows: [], uploads: [], objects: [] });
});

test("what is under way stays, however old, and does not hide what is behind it", async () => {
  const open = { isFinished: false, isRemovable: false };
  const flows = [ended("a", 90, open), ended("b", 80, open), ended("c", 70), ended("d", 1)];
  const { kept, left } = await keptWith(flows);
  const limits = { olderThanMs: 30 * dayMs, most: 1 };
  await applyPrune(kept, await planPrune(kept, limits, clock));
  expect(left()).toEqual(["a", "b", "d"]);
});

test("a flow that began long ago and ended just now stays", async () => {
  const { kept } = await keptWith([ended("a", 90, { lastAtMs: nowMs - dayMs }), ended("b", 40)]);
  const plan = await planPrune(kept, { olderThanMs: 30 * dayMs, most: null }, clock);
  expect(plan.flows.map(({ flowId }) => flowId)).toEqual(["b"]);
});

test("a machine keeps the picture that it was seen in", async () => {
  const { kept, left } = await keptWith([ended("a", 40), ended("b", 40)], { machineOf: "a" });
  await applyPrune(kept, await planPrune(kept, { olderThanMs: dayMs, most: null }, clock));
  expect(left()).toEqual([]);
  const { objects, fingerprints } = allOf("a");
  expect(await contentsOf(kept)).toEqual({ objects, fingerprints, uploads: [] });
});

test("an upload that nobody confirmed for a day goes, with what was put for it", async () => {
  const { kept } = await keptWith([]);
  await begin(kept, "old", "2026-05-30T23:59:59.000Z");
  await begin(kept, "young", "2026-05-31T00:00:01.000Z");
  await kept.uploads.create({
    uploadId: "confirmed",
    key: keyOf("confirmed"),
    contentType: "image/jpeg",
    createdAt: "2026-01-01T00:00:00.000Z",
    status: "Uploaded",
    bytes: 1,
    checksum: null,
  });
  await applyPrune(kept, await planPrune(kept, none, clock));
  expect(await contentsOf(kept)).toEqual({
    ...allOf("young"),
    uploads: [keyOf("confirmed"), keyOf("young")],
  });
});

test("an upload whose confirm is recorded stays, though its session does not say so yet", async () => {
  const { confirms, kept } = await keptWith([]);
  for (const id of ["accepted", "abandoned"]) await begin(kept, id, "2026-01-01T00:00:00.000Z");
  const claim = { bytes: 1, checksum: "sha256:00" };
  confirms.set(
    "confirm of accepted",
    sampleMessage({ id: "c", payload: { uploadId: "accepted", ...claim } }),
  );
  const plan = await planPrune(kept, none, clock);
  expect(plan.uploads.map(({ uploadId }) => uploadId)).toEqual(["abandoned"]);
  expect(plan.objects.map(({ key }) => key)).toEqual([keyOf("abandoned")]);
  await settleUploads(kept, "2026-02-01T00:00:00.000Z");
  expect(await kept.uploads.find("accepted")).toMatchObject({ status: "Uploaded", ...claim });
  expect(await kept.uploads.find("abandoned")).toMatchObject({ status: "Pending" });
});

test("nothing is cleared while one of the journals is in use", async () => {
  const { kept, left } = await keptWith([ended("a", 1)]);
  const journals = new Map(kept.journals).set(
    "current",
    retentionOf([], { isInUse: true }).retention,
  );
  await expect(clearState({ ...kept, journals }, "machines too")).rejects.toMatchObject({
    code: "E_STATE_BUSY",
  });
  expect(left()).toEqual(["a"]);
  expect(await contentsOf(kept)).toEqual(allOf("a"));
});

test("stopped in between, what is left is found again", async () => {
  const { kept, left } = await keptWith([ended("a", 40), ended("b", 40)]);
  const limits = { olderThanMs: dayMs, most: null };
  const stopping = new AbortController();
  const objects = {
    ...kept.objects,
    async delete(key: string) {
      await kept.objects.delete(key);
      stopping.abort();
    },
  };
  const plan = await planPrune(kept, limits, clock);
  await expect(applyPrune({ ...kept, objects }, plan, stopping.signal)).rejects.toBeDefined();
  expect(left()).toEqual(["a", "b"]);
  await applyPrune(kept, await planPrune(kept, limits, clock));
  expect(left()).toEqual([]);
  const { uploads } = await contentsOf(kept);
  expect(uploads).toEqual([]);
});

test.each([
  ["all but machines", ["a"], 1],
  ["machines too", [], 0],
] as const)("clearing %s leaves nothing else", async (what, pictures, machines) => {
  const { kept, left } = await keptWith([ended("a", 1), ended("b", 0)], { machineOf: "a" });
  expect(await clearState(kept, what)).toMatchObject({ flows: 2, uploads: 2 });
  expect(left()).toEqual([]);
  const { objects, fingerprints } = allOf(...pictures);
  expect(await contentsOf(kept)).toEqual({ objects, fingerprints, uploads: [] });
  expect(await kept.machines.list({ limit: 99 })).toHaveLength(machines);
});
