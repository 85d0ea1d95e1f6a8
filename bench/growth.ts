// G1: one comparison with that many stored machines. G2: opening the state with a million of them and a hundred
// thousand finished flows, and the memory that takes. The files are filled by SQL: storing a million machines one
// after the other would take minutes, and the measured code reads the same rows.
import { randomBytes } from "node:crypto";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { blockSize, halvesOf } from "../src/adapters/sqlite/hashes.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { compare } from "../src/pipeline/services/comparison/compare.ts";
import { storedMachines } from "../src/pipeline/services/comparison/stored-machines.ts";
import { inDirectory } from "./engine.ts";
import { type Figure, sampleOf, secondsOf } from "./measure.ts";

const clock = createSystemClock();
const open = (file: string) => openSqliteState(file, { clock, runnerId: "bench" });
const models = 997;

export async function growth(sizes: readonly number[], flows: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const files = sizes.map((machines) => ({ machines, file: join(directory, `${machines}.db`) }));
    for (const { file, machines } of files) await fillMachines(file, machines);
    const { file: largest = "", machines: most = 0 } = files.at(-1) ?? {};
    const journal = join(directory, "flow.db");
    await fillFlows(journal, flows);
    const opening = await openingOf([largest, journal]);
    const comparisons: string[] = [];
    let [value, first] = [Number.NaN, Number.NaN];
    for (const { file, machines } of files) {
      const times = await comparisonsMs(file, 40);
      first = times[0] ?? Number.NaN;
      const { high, median } = sampleOf(times.slice(1));
      value = median;
      comparisons.push(`${machines.toLocaleString("en")}: ${ms(median)} (at most ${ms(high)})`);
    }
    const stored = `${most.toLocaleString("en")} machines`;
    return [
      {
        id: "G1",
        what: `ms a comparison, ${stored}`,
        value,
        goal: "≤ 5",
        isMet: value <= 5,
        detail: `${comparisons.join(", ")}; the first one of a process ${ms(first)}`,
      },
      {
        id: "G2",
        what: `ms to open the state, ${stored}`,
        value: opening.ms,
        goal: "≤ 300",
        isMet: opening.ms <= 300,
        detail: `and ${flows.toLocaleString("en")} finished flows; ${Math.max(0, opening.mb).toFixed(1)} MB of memory`,
      },
    ];
  });
}

const ms = (value: number) => `${value.toFixed(2)} ms`;

/** Alternates between one similar to a stored one in brand and model, and one that is also the same picture. */
async function comparisonsMs(file: string, count: number): Promise<readonly number[]> {
  const database = new Database(file);
  const some = database.prepare(
    "SELECT lower(hex(checksum)) AS c, lower(hex(perceptual_hash)) AS h FROM picture LIMIT 20",
  );
  const known = some.all([]) as readonly { readonly c: string; readonly h: string }[];
  database.close();
  const state = await open(file);
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const one = known[at % known.length];
    const isKnown = at % 2 === 1;
    const candidate = {
      ...{ brand: "Volvo", type: "Excavator", model: `M${at % models}` },
      checksum: isKnown && one !== undefined ? one.c : randomBytes(32).toString("hex"),
      perceptualHash: isKnown && one !== undefined ? one.h : randomBytes(32).toString("hex"),
    };
    const seconds = await secondsOf(async () => {
      const { verdict } = compare(
        candidate,
        await storedMachines(candidate, "images/new.jpg", state),
      );
      if (isKnown && verdict === "new") throw new Error("a stored picture was not found");
    });
    times.push(seconds * 1000);
  }
  await state.close();
  return times;
}

async function openingOf(files: readonly string[]): Promise<{ ms: number; mb: number }> {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const opened: Awaited<ReturnType<typeof open>>[] = [];
  const seconds = await secondsOf(async () => {
    for (const file of files) opened.push(await open(file));
    for (const { journal } of opened) await journal.adopt(1000);
  });
  const mb = (process.memoryUsage().rss - before) / 1e6;
  for (const { close } of opened) await close();
  return { ms: seconds * 1000, mb };
}

const numbers = (most: number) =>
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;

async function fillMachines(file: string, machines: number): Promise<void> {
  const database = await openBare(file);
  database.exec(`
    ${numbers(machines)} INSERT INTO picture (checksum, perceptual_hash)
      SELECT randomblob(32), randomblob(32) FROM n;
    INSERT INTO fingerprint SELECT 'images/' || seq || '.jpg', seq FROM picture;
    INSERT INTO observation (flow_id, machine_id, checksum, brand, type, model, name, confidence,
        object_key, seen_at, verdict, resembles)
      SELECT 'flow ' || seq, lower(hex(substr(checksum, 1, 16))), lower(hex(checksum)),
        CASE seq % 2 WHEN 0 THEN 'Volvo' ELSE 'Komatsu' END, 'Excavator', 'M' || (seq % ${models}), 'a machine',
        0.9, 'images/' || seq || '.jpg', strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + seq, 'unixepoch'),
        'new', '[]' FROM picture;
    INSERT INTO machine SELECT machine_id, brand, type, model, name, confidence, seen_at, seen_at, '[]'
      FROM observation;
  `);
  const page = database.prepare(
    "SELECT seq, perceptual_hash FROM picture WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const insert = database.prepare("INSERT INTO picture_block VALUES (?, ?, ?)");
  for (let after = 0; after < machines - blockSize; after += blockSize) {
    const rows = page.all([after, blockSize]) as { seq: number; perceptual_hash: ArrayBuffer }[];
    const seqs = Float64Array.from(rows, ({ seq }) => seq);
    const halves = halvesOf(rows.map((row) => new Uint8Array(row.perceptual_hash)));
    insert.run([rows.at(-1)?.seq, Buffer.from(seqs.buffer), Buffer.from(halves)]);
  }
  await toDisk(database, file);
}

async function fillFlows(file: string, flows: number): Promise<void> {
  const database = await openBare(file);
  const entries = 11;
  database.exec(`
    INSERT INTO consumer (name) VALUES ('svc-analysis-orchestrator');
    ${numbers(flows * entries)} INSERT INTO entry (runner, consumer, message_id, flow_id, flow_sequence, ended,
        at, message, consequences, state)
      SELECT 1, 1, randomblob(16), 'flow ' || ((i - 1) / ${entries}), (i - 1) % ${entries} + 1,
        CASE i % ${entries} WHEN 0 THEN 2 ELSE 0 END, i, zeroblob(400), zeroblob(300), NULL FROM n;
    UPDATE checkpoint SET seq = (SELECT max(seq) FROM entry);
  `);
  await toDisk(database, file);
}

/**
 * Flushes everything into the file, and to disk: no real run writes a million rows just before the measured opening.
 */
async function toDisk(database: Database.Database, file: string): Promise<void> {
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  const handle = await openFile(file, "r+");
  await handle.sync();
  await handle.close();
}

/** Created by the state itself; rows written here need not survive. */
async function openBare(file: string) {
  const { close } = await open(file);
  await close();
  const database = new Database(file);
  database.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000");
  return database;
}
