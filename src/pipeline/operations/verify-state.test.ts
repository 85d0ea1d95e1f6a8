import { expect, test } from "vitest";
import { sha256 } from "../../adapters/memory/ids.ts";
import type { createMemoryObjectStore } from "../../adapters/memory/object-store.ts";
import { StateVerification } from "../reports/state.ts";
import { ended, keptWith, keyOf, print } from "./kept.samples.ts";
import { verifyState } from "./verify-state.ts";

/** Of the bytes of every sample picture. */
const checksum = sha256(new Uint8Array([1]));

async function sound() {
  const { kept } = await keptWith([ended("a", 1), ended("b", 1)], { machineOf: "a" });
  for (const id of ["a", "b"]) {
    await kept.uploads.markUploaded(id, { bytes: 1, checksum: `sha256:${checksum}` });
    await kept.fingerprints.save({ ...print, objectKey: keyOf(id), checksum });
  }
  // Its declared type only allows listing and deleting.
  const objects = kept.objects as ReturnType<typeof createMemoryObjectStore>;
  return { ...kept, objects, digest: sha256 };
}
const problemsOf = async (kept: Awaited<ReturnType<typeof sound>>) =>
  (await verifyState(kept)).problems.map(({ about, id, problem }) => `${about} ${id}: ${problem}`);

test("a consistent state has no problems, and all of it was checked", async () => {
  const report = await verifyState(await sound());
  expect(StateVerification.parse(report)).toEqual(report);
  expect(report.problems).toEqual([]);
  expect(report.checked).toEqual({ flows: 2, objects: 2, sightings: 1, uploads: 2 });
});

test("without state there is nothing wrong", async () => {
  expect(await verifyState(null)).toMatchObject({ problems: [], checked: { flows: 0 } });
});

test("a missing picture is reported for its upload and for its machine", async () => {
  const kept = await sound();
  await kept.objects.delete(keyOf("a"));
  const gone = `its picture is missing or incomplete (${keyOf("a")})`;
  expect(await problemsOf(kept)).toEqual([`upload a: ${gone}`, `machine m1: ${gone}`]);
});

test("a changed picture differs from what was uploaded and from what was compared", async () => {
  const kept = await sound();
  await kept.objects.delete(keyOf("b"));
  await kept.objects.put(keyOf("b"), new Uint8Array([2, 3]), { contentType: "image/jpeg" });
  expect(await problemsOf(kept)).toEqual([
    `object ${keyOf("b")}: it has 2 bytes, but 1 were uploaded`,
    `object ${keyOf("b")}: its checksum differs from that of the upload`,
    `object ${keyOf("b")}: its checksum differs from that of the comparison`,
  ]);
});

test("a picture that cannot be read, and what a journal says of itself, are problems", async () => {
  const kept = await sound();
  const [[, journal] = []] = kept.journals;
  if (journal === undefined) throw new Error("the sample has a journal");
  journal.verify = async () => ["entry 7 is torn"];
  const objects = { ...kept.objects, get: async () => undefined };
  expect(await problemsOf({ ...kept, objects })).toEqual([
    "journal full: entry 7 is torn",
    `object ${keyOf("a")}: it cannot be read completely`,
    `object ${keyOf("b")}: it cannot be read completely`,
  ]);
});
