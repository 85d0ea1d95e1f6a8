import type { Database } from "./database.ts";
import { readEarlier } from "./earlier-bodies.ts";
import { consequencesText, messageText } from "./entry-row.ts";
import { keyOf } from "./keys.ts";

// From schema 4 to 5: ids become bytes, consumer names become numbers, and a body is split into the message taken
// and its consequences. The state of a flow is stored in its last entry again: a decision writes one row and reads
// no other.

const tables = `
  ALTER TABLE entry RENAME TO earlier_entry;
  ALTER TABLE pending RENAME TO earlier_pending;
  ALTER TABLE flow RENAME TO earlier_flow;
  ALTER TABLE trouble RENAME TO earlier_trouble;
  DROP INDEX entry_message;
  DROP INDEX entry_flow;
  DROP INDEX pending_flow;
  DROP INDEX pending_order;

  -- 0 is the transport, which has to take a message before any consumer.
  CREATE TABLE consumer (id INTEGER PRIMARY KEY CHECK (id > 0), name TEXT NOT NULL UNIQUE) STRICT;

  -- One row is one decision: inbox, outbox, history, and the state of its flow. The first index finds it by its message,
  -- the second holds a flow's sequence without a gap or a second taker, and lists a flow, the third what is
  -- still to be packed.
  CREATE TABLE entry (
    seq INTEGER PRIMARY KEY,
    runner INTEGER NOT NULL,
    consumer INTEGER NOT NULL,
    message_id ANY NOT NULL,
    flow_id ANY NOT NULL,
    flow_sequence INTEGER,
    ended INTEGER NOT NULL,
    at INTEGER NOT NULL,
    message ANY,
    from_seq INTEGER,
    from_position INTEGER,
    consequences ANY,
    state ANY
  ) STRICT;
  CREATE UNIQUE INDEX entry_message ON entry (message_id, consumer);
  CREATE UNIQUE INDEX entry_flow ON entry (flow_id, consumer, flow_sequence);
  CREATE INDEX entry_unpacked ON entry (seq) WHERE ended = 1;

  -- Read in the order of recording when work is taken over.
  CREATE TABLE pending (
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    position INTEGER NOT NULL,
    consumer INTEGER NOT NULL,
    message_id ANY NOT NULL,
    flow_id ANY NOT NULL,
    runner INTEGER NOT NULL,
    PRIMARY KEY (seq, kind, position, consumer)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pending_message ON pending (message_id, consumer);
  CREATE INDEX pending_flow ON pending (flow_id);

  CREATE TABLE trouble (
    message_id ANY NOT NULL,
    consumer INTEGER NOT NULL,
    flow_id ANY NOT NULL,
    tries INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    PRIMARY KEY (message_id, consumer)
  ) STRICT, WITHOUT ROWID;

  INSERT INTO consumer (name)
    SELECT consumer FROM earlier_entry UNION SELECT consumer FROM earlier_pending
    UNION SELECT consumer FROM earlier_trouble EXCEPT SELECT '';
`;
const dropEarlier = `
  DROP TABLE earlier_pending;
  DROP TABLE earlier_flow;
  DROP TABLE earlier_trouble;
  DROP TABLE earlier_entry;
`;
const pageSize = 500;
const pageSql = `SELECT entry.*, consumer.id AS number
  FROM earlier_entry AS entry JOIN consumer ON consumer.name = entry.consumer
  WHERE seq > ?1 ORDER BY seq LIMIT ${pageSize}`;

/** Inside a transaction. */
export function toSchema5(database: Database): void {
  database.exec(tables);
  copyEntries(database);
  copyOthers(database);
  database.exec(dropEarlier);
}

function copyEntries(database: Database): void {
  const page = database.prepare(pageSql);
  const insert = database.prepare(
    "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
  );
  for (let after = 0; ; ) {
    const rows = page.all([after]);
    for (const row of rows) {
      const [id, flowId] = [String(row["message_id"]), String(row["flow_id"])];
      const { taken, sender, ...rest } = readEarlier(bodyOf(row["body"]), { id, flowId });
      insert.run([
        ...[Number(row["seq"]), Number(row["runner"]), Number(row["number"])],
        ...[keyOf(id), keyOf(flowId), numberOrNull(row["flow_sequence"])],
        ...[Number(row["ended"]), Number(row["at"])],
        sender === null ? messageText(taken) : null,
        ...(sender ?? [null, null]),
        consequencesText({ message: taken, ...rest }),
        row["state"] ?? null,
      ]);
      after = Number(row["seq"]);
    }
    if (rows.length < pageSize) return;
  }
}

function copyOthers(database: Database): void {
  const numbered = (table: string) =>
    database
      .prepare(
        `SELECT earlier.*, coalesce(consumer.id, 0) AS number
         FROM earlier_${table} AS earlier LEFT JOIN consumer ON consumer.name = earlier.consumer`,
      )
      .all([]);
  const pending = database.prepare(
    "INSERT OR IGNORE INTO pending VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
  );
  for (const row of numbered("pending"))
    pending.run([
      ...[Number(row["seq"]), row["kind"] === "timer" ? 1 : 0, Number(row["position"])],
      ...[Number(row["number"]), keyOf(String(row["message_id"])), keyOf(String(row["flow_id"]))],
      Math.abs(Number(row["runner"])), // negative meant claimed, but not read
    ]);
  const state = database.prepare(
    "UPDATE entry SET state = ?4 WHERE flow_id = ?1 AND consumer = ?2 AND flow_sequence = ?3",
  );
  for (const row of numbered("flow"))
    state.run([
      ...[keyOf(String(row["flow_id"])), Number(row["number"]), Number(row["sequence"])],
      String(row["state"]),
    ]);
  const trouble = database.prepare("INSERT INTO trouble VALUES (?1, ?2, ?3, ?4, ?5)");
  for (const row of numbered("trouble"))
    trouble.run([
      ...[keyOf(String(row["message_id"])), Number(row["number"])],
      ...[keyOf(String(row["flow_id"])), Number(row["tries"]), String(row["first_at"])],
    ]);
}

type Value = string | number | Uint8Array | null | undefined;

const numberOrNull = (value: Value) => (typeof value === "number" ? value : null);

function bodyOf(value: Value): string | Uint8Array {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  throw new Error("an entry without a body");
}
