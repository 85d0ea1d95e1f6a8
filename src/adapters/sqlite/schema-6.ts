import { machineOf, summaryWith } from "../../pipeline/domain/machine.ts";
import type { MachineSummary } from "../../pipeline/ports/machines.ts";
import type { Database } from "./database.ts";
import { type ObservationRow, prepareMachineRow, toObservation } from "./machine-rows.ts";
import { bytesOf, createPictures, isHash } from "./pictures.ts";

// From schema 5 to 6: aggregated machines and pictures are stored in the file, so that looking one up does not read
// all of them. An observation refers to its machine, which was determined when it was stored.

const tables = `
  -- Work of runners that are gone changes hands without being written anew: what entries up to upto asked of
  -- runner is heir's. Whoever takes over gives all that it takes at once the same number.
  CREATE TABLE inherited (
    runner INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    heir INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    PRIMARY KEY (runner, upto)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX upload_key ON upload (key);
  CREATE INDEX upload_pending ON upload (created_at) WHERE status = 'Pending';

  CREATE TABLE machine (
    id TEXT PRIMARY KEY,
    brand TEXT,
    type TEXT,
    model TEXT,
    name TEXT NOT NULL,
    confidence REAL NOT NULL,
    first_seen_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    resembles TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX machine_model ON machine (model, id) WHERE model IS NOT NULL;
  CREATE INDEX machine_seen ON machine (last_seen_at, id);
  CREATE INDEX observation_machine ON observation (machine_id, seen_at);
  CREATE INDEX observation_object ON observation (object_key);
  CREATE INDEX observation_picture ON observation (checksum) WHERE checksum IS NOT NULL;

  -- A picture once, whatever the objects that hold it. AUTOINCREMENT: readers go on from the last that they saw.
  CREATE TABLE picture (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    checksum BLOB NOT NULL,
    perceptual_hash BLOB NOT NULL,
    UNIQUE (checksum, perceptual_hash)
  ) STRICT;
  -- The hashes of many pictures in one row: all of them are looked through for one that is similar.
  CREATE TABLE picture_block (
    last INTEGER PRIMARY KEY,
    seqs BLOB NOT NULL,
    hashes BLOB NOT NULL
  ) STRICT;
  ALTER TABLE fingerprint RENAME TO earlier_fingerprint;
  CREATE TABLE fingerprint (
    object_key TEXT PRIMARY KEY,
    picture INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX fingerprint_picture ON fingerprint (picture);
`;

const pageSize = 1_000;

export function toSchema6(database: Database): void {
  database.exec(tables);
  copyFingerprints(database);
  addUpMachines(database);
  database.exec("DROP TABLE earlier_fingerprint");
}

function copyFingerprints(database: Database): void {
  const page = database.prepare(
    "SELECT * FROM earlier_fingerprint WHERE seq > ?1 ORDER BY seq LIMIT ?2",
  );
  const write = database.prepare("INSERT OR REPLACE INTO fingerprint VALUES (?1, ?2)");
  const pictures = createPictures(database);
  for (const row of rowsOf(page)) {
    const [key, checksum, hash] = [row["object_key"], row["checksum"], row["perceptual_hash"]];
    // No released version ever wrote anything else.
    if (isHash(String(checksum)) && isHash(String(hash)))
      write.run([String(key), pictures.save(bytesOf(String(checksum)), bytesOf(String(hash)))]);
  }
}

function addUpMachines(database: Database): void {
  const page = database.prepare("SELECT * FROM observation WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  const move = database.prepare("UPDATE observation SET machine_id = ?2 WHERE seq = ?1");
  const machineRow = prepareMachineRow(database);
  const pictured = new Map<string, string>();
  const machines = new Map<string, MachineSummary>();
  for (const row of rowsOf(page)) {
    const observation = toObservation(row as unknown as ObservationRow); // all columns are selected
    const id = machineOf(observation, pictured);
    if (observation.checksum !== null) pictured.set(observation.checksum, id);
    if (id !== observation.machineId) move.run([Number(row["seq"]), id]);
    machines.set(id, summaryWith(id, machines.get(id), observation));
  }
  for (const machine of machines.values()) machineRow.write(machine);
}

/** In pages, because rows are changed meanwhile. */
function* rowsOf(page: ReturnType<Database["prepare"]>) {
  for (let after = 0; ; ) {
    const rows = page.all([after, pageSize]);
    yield* rows;
    if (rows.length < pageSize) return;
    after = Number(rows.at(-1)?.["seq"]);
  }
}
