import { expect, test } from "vitest";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { settleUploads } from "./confirmed-uploads.ts";
import { applyPrune, clearState, planPrune } from "./keep-state.ts";
import {
  begin,
  clock,
  contentsOf,
  dayMs,
  ended,
  keptWith,
  keyOf,
  none,
  nowMs,
  retentionOf,
} from "./kept.samples.ts";

const allOf = (...ids: readonly string[]) => ({
  objects: ids.map(keyOf),
  uploads: ids.map(keyOf),
  fingerprints: ids.length,
});

test("a flow that ended before the limit is removed, with upload, picture and fingerprint", async () => {
  const { kept, left } = await keptWith([ended("a", 40), ended("b", 31), ended("c", 29)]);
  const plan = await planPrune(kept, { olderThanMs: 30 * dayMs, most: null }, clock);
  expect(plan.flows.map(({ flowId }) => flowId)).toEqual(["a", "b"]);
  expect(await contentsOf(kept)).toEqual(allOf("a", "b", "c"));
  expect(await applyPrune(kept, plan)).toEqual(["a", "b"]);
  expect(left()).toEqual(["c"]);
  expect(await contentsOf(kept)).toEqual(allOf("c"));
});

test("beyond the limit the oldest flows are removed, however recent", async () => {
  const flows = ["a", "b", "c", "d", "e"].map((id, at) => ended(id, 5 - at));
  const { kept, left } = await keptWith(flows);
  await applyPrune(kept, await planPrune(kept, { olderThanMs: null, most: 2 }, clock));
  expect(left()).toEqual(["d", "e"]);
});

test("without a limit nothing is removed", async () => {
  const { kept } = await keptWith([ended("a", 4000)]);
  expect(await planPrune(kept, none, clock)).toEqual({ flows: [], uploads: [], objects: [] });
});

test("a flow in progress stays, however old, and does not hide those after it", async () => {
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

test("an upload left unconfirmed for a day is removed, with its object", async () => {
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

test("if interrupted, the next run finds the rest", async () => {
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
