// G3: the growth of the journal per finished flow, and of the objects per additional equal picture: the whole
// pipeline in process, reading its picture from a replayed answer of Google Vision.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { sizeOfFiles } from "../src/adapters/filesystem/directories.ts";
import { inDirectory } from "./engine.ts";
import type { Figure } from "./measure.ts";
import { keepAnswer, pictureFile, uploadOften } from "./uploads.ts";

export async function stateSize(flows: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const picture = await readFile(pictureFile);
    await keepAnswer(directory);
    await uploadOften(directory, picture, 2);
    const before = await sizesOf(directory);
    await uploadOften(directory, picture, flows);
    const after = await sizesOf(directory);
    const each = (after.journal - before.journal) / flows;
    const detail = `${flows} flows with a recognised machine`;
    return [
      {
        id: "G3",
        what: "KB of journal a finished flow",
        value: each / 1024,
        goal: "≤ 12",
        isMet: each <= 12 * 1024,
        detail,
      },
      {
        id: "G3",
        what: "bytes an equal picture",
        value: (after.contents - before.contents) / flows,
        goal: "0",
        isMet: after.contents === before.contents,
        detail,
      },
    ];
  });
}

async function sizesOf(directory: string) {
  const state = join(directory, "state");
  return {
    journal: usedBytes(join(state, "flow-full.db")),
    contents: await sizeOfFiles(join(state, "objects", "contents")),
  };
}

/** Excludes free pages, which later writes reuse. */
function usedBytes(file: string): number {
  const database = new Database(file);
  const read = (name: string) => {
    const row = database.prepare(`PRAGMA ${name}`).all()[0] as Record<string, unknown>; // it returns one row
    return Number(row[name]);
  };
  const bytes = (read("page_count") - read("freelist_count")) * read("page_size");
  database.close();
  return bytes;
}
