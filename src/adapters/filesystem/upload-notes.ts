import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { UploadNote, UploadNotes } from "../../pipeline/ports/upload-notes.ts";
import { makeDirectories } from "./directories.ts";

const Note = z.object({
  file: z.string(),
  objectKey: z.string(),
  checksum: z.string(),
  startedAt: z.iso.datetime(),
});

const fileName = /^([0-9a-f-]{36})\.json$/;

/** Other clients choose the ids of their flows, which must name no file elsewhere. */
const isOurs = (flowId: string) => fileName.test(`${flowId}.json`);

/** One file per flow, in a directory created with the first. A damaged one is skipped. */
export function createUploadNotes(directory: string): UploadNotes {
  const fileOf = (flowId: string) => join(directory, `${flowId}.json`);
  return {
    async put(flowId, note) {
      await makeDirectories(directory, 0o700);
      const unfinished = `${fileOf(flowId)}.new`;
      await writeFile(unfinished, JSON.stringify(note), { mode: 0o600 });
      await rename(unfinished, fileOf(flowId));
    },
    find: async (flowId) => (isOurs(flowId) ? readNote(fileOf(flowId)) : null),
    async all() {
      const names = await readdir(directory).catch(() => []);
      const flowIds = names.flatMap((name) => fileName.exec(name)?.[1] ?? []);
      const notes = await Promise.all(
        flowIds.map(async (flowId) => [flowId, await readNote(fileOf(flowId))] as const),
      );
      return new Map(notes.flatMap(([id, note]) => (note === null ? [] : [[id, note] as const])));
    },
    async remove(flowId) {
      if (isOurs(flowId)) await rm(fileOf(flowId), { force: true });
    },
  };
}

async function readNote(file: string): Promise<UploadNote | null> {
  try {
    return Note.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null; // there is none, another process has removed it, or it is not one of ours
  }
}
