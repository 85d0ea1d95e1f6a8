import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createUploadNotes } from "./upload-notes.ts";

const flowId = "01a204db-0d44-727b-9809-0ac28ec95c9c";
const note = {
  file: "a\u001b.jpg",
  objectKey: "images/a.jpg",
  checksum: "7c0e",
  startedAt: "2026-11-29T21:00:00.000Z",
};

async function notesIn() {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const below = join(directory, "under-way");
  return { below, notes: createUploadNotes(below) };
}

test("a note is kept until it is removed, and there are none before the first", async () => {
  const { below, notes } = await notesIn();
  expect(await notes.all()).toEqual(new Map());
  await notes.put(flowId, note);
  expect(await createUploadNotes(below).all()).toEqual(new Map([[flowId, note]]));
  expect(await createUploadNotes(below).find(flowId)).toEqual(note);
  await notes.remove(flowId);
  await notes.remove(flowId);
  expect(await notes.find(flowId)).toBeNull();
  expect(await readdir(below)).toEqual([]);
});

test("damaged files, and those that are not notes, are skipped", async () => {
  const { below, notes } = await notesIn();
  await notes.put(flowId, note);
  await writeFile(join(below, "01a204db-0d44-727b-9809-000000000000.json"), "{");
  await writeFile(join(below, "other.json"), JSON.stringify(note));
  expect([...(await notes.all()).keys()]).toEqual([flowId]);
});

test("an id that another client chose names no file elsewhere", async () => {
  const { below, notes } = await notesIn();
  await notes.put(flowId, note);
  const elsewhere = join(below, "..", "elsewhere.json");
  await writeFile(elsewhere, JSON.stringify(note));
  expect(await notes.find("../elsewhere")).toBeNull();
  await notes.remove("../elsewhere");
  expect(await readdir(join(below, ".."))).toContain("elsewhere.json");
});
