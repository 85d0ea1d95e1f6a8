// G3: what a finished flow adds to its journal, and one more equal picture to the objects: the whole
// pipeline in process, its picture looked at by an answer of Google Vision that is replayed.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { makeDirectories, sizeOfFiles } from "../src/adapters/filesystem/directories.ts";
import { features } from "../src/adapters/google-vision/features.ts";
import { createCassetteStore } from "../src/adapters/vision-cassettes/store.ts";
import { openPipeline } from "../src/commands/compose.ts";
import { upload } from "../src/pipeline/operations/upload.ts";
import { inDirectory } from "./engine.ts";
import type { Figure } from "./measure.ts";

const fixtures = join(import.meta.dirname, "..", "fixtures");

export async function stateSize(flows: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const picture = await readFile(join(fixtures, "images", "komatsu-pc200.jpg"));
    await keepAnswer(join(directory, "answers"), picture);
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

async function keepAnswer(directory: string, picture: Uint8Array): Promise<void> {
  const text = await readFile(join(fixtures, "vision", "komatsu-pc200.json"), "utf8");
  const { responses } = JSON.parse(text) as { responses: [object] }; // the fixture is a response of one picture
  const store = createCassetteStore(directory, features);
  await store.prepare(makeDirectories);
  await store.save(picture, responses[0]);
}

/** One run of the pipeline: closed, it leaves no log beside the journal. */
async function uploadOften(directory: string, bytes: Uint8Array, times: number): Promise<void> {
  const { signal } = new AbortController();
  const pipeline = await openPipeline({
    flow: "full",
    stateDir: join(directory, "state"),
    faults: {},
    stepTimeouts: {},
    limits: { olderThanMs: null, most: null },
    vision: {
      ...{ mode: "replay", directory: join(directory, "answers"), models: null, endpoint: "" },
      ...{ callsMax: null, keyFile: null, quotaProject: null },
    },
    reporter: { hop: () => undefined, notice: () => undefined },
    signal,
  });
  const image = { file: "a.jpg", filename: "a.jpg", contentType: "image/jpeg", bytes };
  const waiting = { deadlineMs: 60_000, signal, onStarted: () => undefined };
  try {
    for (let time = 0; time < times; time += 1) {
      const { status } = await upload({ ...image, ...waiting }, pipeline);
      if (status !== "completed") throw new Error(`an upload ${status}`);
    }
  } finally {
    await pipeline.close();
  }
}

async function sizesOf(directory: string) {
  const state = join(directory, "state");
  return {
    journal: usedBytes(join(state, "flow-full.db")),
    contents: await sizeOfFiles(join(state, "objects", "contents")),
  };
}

/** Without the pages that are free for what comes next. */
function usedBytes(file: string): number {
  const database = new Database(file);
  const read = (name: string) => {
    const row = database.prepare(`PRAGMA ${name}`).all()[0] as Record<string, unknown>; // a pragma that reads gives one row
    return Number(row[name]);
  };
  const bytes = (read("page_count") - read("freelist_count")) * read("page_size");
  database.close();
  return bytes;
}
