import { TuError } from "../../pipeline/errors.ts";
import type { Database } from "./database.ts";
import { toSchema5 } from "./schema-5.ts";
import { toSchema6 } from "./schema-6.ts";

/** Marks the file as ours (`PRAGMA application_id`): "TUan". */
const applicationId = 0x5455616e;

/** Each takes the file from the version that is its index to the next. Never edit a released one. */
const migrations: readonly (string | ((database: Database) => void))[] = [
  `
  -- One row is one decision: inbox, outbox and history. The first index finds it by its message,
  -- the second holds a flow's sequence without a gap or a second taker, and lists a flow.
  CREATE TABLE entry (
    seq INTEGER PRIMARY KEY,
    runner INTEGER NOT NULL,
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    flow_sequence INTEGER,
    ended INTEGER NOT NULL,
    body TEXT NOT NULL,
    state TEXT
  ) STRICT;
  CREATE UNIQUE INDEX entry_message ON entry (message_id, consumer);
  CREATE UNIQUE INDEX entry_flow ON entry (flow_id, consumer, flow_sequence);

  -- Work of the entries up to checkpoint.seq that nobody had finished then.
  CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 0), seq INTEGER NOT NULL) STRICT;
  INSERT INTO checkpoint VALUES (0, 0);
  CREATE TABLE pending (
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    seq INTEGER NOT NULL REFERENCES entry (seq),
    position INTEGER NOT NULL,
    runner INTEGER NOT NULL,
    PRIMARY KEY (message_id, consumer)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pending_flow ON pending (flow_id);

  -- AUTOINCREMENT: the number of a runner that is gone must never come again.
  CREATE TABLE runner (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE upload (
    upload_id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    content_type TEXT NOT NULL,
    created_at TEXT NOT NULL,
    status TEXT NOT NULL,
    bytes INTEGER,
    checksum TEXT
  ) STRICT;

  -- The next two only grow; readers go on from the last seq that they have seen. A machine is what
  -- its observations add up to, a fingerprint the last one of its object.
  CREATE TABLE observation (
    seq INTEGER PRIMARY KEY,
    flow_id TEXT NOT NULL UNIQUE,
    machine_id TEXT NOT NULL,
    brand TEXT,
    type TEXT,
    model TEXT,
    name TEXT NOT NULL,
    confidence REAL NOT NULL,
    object_key TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    verdict TEXT NOT NULL,
    resembles TEXT NOT NULL
  ) STRICT;
  CREATE TABLE fingerprint (
    seq INTEGER PRIMARY KEY,
    object_key TEXT NOT NULL,
    checksum TEXT NOT NULL,
    perceptual_hash TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- A flow's state is that of its last entry and kept once, for as long as the flow runs. The final one
  -- stays in the entry that ended it.
  CREATE TABLE flow (
    flow_id TEXT NOT NULL,
    consumer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (flow_id, consumer)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO flow
    SELECT flow_id, consumer, flow_sequence, state FROM entry AS last
    WHERE flow_sequence IS NOT NULL AND ended = 0 AND NOT EXISTS (
      SELECT 1 FROM entry WHERE flow_id = last.flow_id AND consumer = last.consumer
        AND flow_sequence > last.flow_sequence);
  UPDATE entry SET state = NULL WHERE ended = 0;

  -- Work is taken over in the order of recording, page by page. Its consumer may be '', the transport.
  CREATE INDEX pending_order ON pending (seq, kind, position);

  -- A lease says who is alive, and on the same boot of the same system its process.
  ALTER TABLE runner DROP COLUMN host;
  ALTER TABLE runner DROP COLUMN pid;
  ALTER TABLE runner ADD COLUMN process TEXT;

  -- Failed tries of what is not recorded yet.
  CREATE TABLE trouble (
    message_id TEXT NOT NULL,
    consumer TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    tries INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    PRIMARY KEY (message_id, consumer)
  ) STRICT, WITHOUT ROWID;

  -- Every definition that a flow has pinned, for ever.
  CREATE TABLE definition (pin TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- What a picture shows is settled where it is stored, by the picture. Earlier observations get the
  -- checksum that their comparison remembered.
  ALTER TABLE observation ADD COLUMN checksum TEXT;
  UPDATE observation SET checksum = (
    SELECT checksum FROM fingerprint WHERE object_key = observation.object_key
    ORDER BY seq DESC LIMIT 1);
  `,
  `
  -- A large body is deflated, and no text then. When an entry was recorded was not kept: it is taken
  -- from what its message says, or another one of its flow.
  CREATE TABLE entry_of_any_body (
    seq INTEGER PRIMARY KEY,
    runner INTEGER NOT NULL,
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    flow_sequence INTEGER,
    ended INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body ANY NOT NULL,
    state TEXT
  ) STRICT;
  INSERT INTO entry_of_any_body
    SELECT seq, runner, consumer, message_id, flow_id, flow_sequence, ended,
      coalesce(unixepoch(json_extract(body, '$.message.occurredAt')) * 1000, 0), body, state FROM entry;
  DROP TABLE entry;
  ALTER TABLE entry_of_any_body RENAME TO entry;
  CREATE UNIQUE INDEX entry_message ON entry (message_id, consumer);
  CREATE UNIQUE INDEX entry_flow ON entry (flow_id, consumer, flow_sequence);
  UPDATE entry SET at = (SELECT max(at) FROM entry AS other WHERE other.flow_id = entry.flow_id)
    WHERE at = 0;

  -- Fingerprints can be removed now; a seq that readers have passed must not come again.
  CREATE TABLE growing_fingerprint (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    object_key TEXT NOT NULL,
    checksum TEXT NOT NULL,
    perceptual_hash TEXT NOT NULL
  ) STRICT;
  INSERT INTO growing_fingerprint SELECT seq, object_key, checksum, perceptual_hash FROM fingerprint;
  DROP TABLE fingerprint;
  ALTER TABLE growing_fingerprint RENAME TO fingerprint;
  `,
  toSchema5,
  toSchema6,
];

/**
 * Upgrades the file to the version that this code knows, in one transaction: of two processes that open a new file
 * at once, the second finds it done. `onUpgrade` is called before the upgrade of a file that an earlier version
 * wrote, which may take a while. Throws E_STATE_NEWER for a file of a later version, and E_STATE_UNUSABLE for a
 * database that is not ours.
 */
export function migrate(database: Database, onUpgrade: () => void = () => undefined): void {
  if (isCurrent(database)) return;
  if (versionOf(database) > 0) onUpgrade();
  // Rebuilding a table drops it temporarily (https://sqlite.org/lang_altertable.html#otheralter).
  database.exec("PRAGMA foreign_keys = OFF");
  try {
    database.transaction(() => {
      if (isCurrent(database)) return;
      for (const migration of migrations.slice(versionOf(database))) {
        if (typeof migration === "string") database.exec(migration);
        else migration(database);
      }
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${migrations.length}`);
    });
  } finally {
    database.exec("PRAGMA foreign_keys = ON");
  }
}

function isCurrent(database: Database): boolean {
  const version = versionOf(database);
  if (version > migrations.length)
    throw new TuError(
      "E_STATE_NEWER",
      `${database.file} was written by a newer version (schema ${version}; this version supports up to ${migrations.length})`,
      { hint: "update tu-analyze, or use another state directory" },
    );
  const isOurs = database.pragma("application_id") === applicationId;
  const isNew = version === 0 && database.pragma("schema_version") === 0;
  if (!isOurs && !isNew)
    throw new TuError("E_STATE_UNUSABLE", `${database.file} is a database of another program`, {
      hint: "use another state directory, or move that file away",
    });
  return version === migrations.length;
}

const versionOf = (database: Database) => database.pragma("user_version");
