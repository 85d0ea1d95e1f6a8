import { deflateRawSync, inflateRawSync } from "node:zlib";
import { combined, type SeenFlow } from "../../pipeline/domain/seen-flow.ts";
import { TuError } from "../../pipeline/errors.ts";
import {
  type FlowQuery,
  type FlowStore,
  type Seen,
  seenAtMs,
} from "../../pipeline/ports/flow-store.ts";
import { type Database, openDatabase } from "./database.ts";

// What was seen of flows, in a file of its own: it may be removed at any time without harm to a flow.

/** `PRAGMA application_id`: "TUse". */
const applicationId = 0x54557365;
const version = 1;

const schema = `
  CREATE TABLE flow (
    id INTEGER PRIMARY KEY,
    flow_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    object_key TEXT,
    upload_id TEXT,
    about TEXT NOT NULL
  ) STRICT;
  CREATE INDEX flow_last ON flow (last_at, flow_id);
  CREATE INDEX flow_object ON flow (object_key);
  CREATE INDEX flow_upload ON flow (upload_id);

  -- AUTOINCREMENT: a place that a reader has passed must not come again.
  CREATE TABLE part (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    flow INTEGER NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    last_at INTEGER NOT NULL,
    -- JSON, or the same JSON deflated (RFC 1951).
    seen ANY NOT NULL
  ) STRICT;
  CREATE INDEX part_flow ON part (flow);
  CREATE INDEX part_last ON part (last_at);
`;

/** Smaller ones gain nothing by deflating. */
const deflatedFrom = 512;
const fastest = { level: 1 };

/**
 * Opens or creates the file. Committed parts survive a crash of the process, but the last ones not one of the system:
 * nothing depends on them. Throws E_STATE_UNUSABLE, E_STATE_NEWER, E_STATE_BUSY.
 */
export async function openSqliteFlowStore(
  file: string,
  busyTimeoutMs: number,
): Promise<FlowStore & { close(): Promise<void> }> {
  const database = await openDatabase(file, busyTimeoutMs);
  try {
    database.exec("PRAGMA synchronous = NORMAL");
    create(database);
    return { ...createStore(database), close: async () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

function create(database: Database): void {
  const isOurs = () => database.pragma("application_id") === applicationId;
  const versionOf = () => database.pragma("user_version");
  database.transaction(() => {
    if (versionOf() === 0 && database.pragma("schema_version") === 0) {
      database.exec(schema);
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${version}`);
    }
  });
  if (!isOurs())
    throw new TuError("E_STATE_UNUSABLE", `${database.file} is a database of another program`, {
      hint: "move that file away",
    });
  if (versionOf() > version)
    throw new TuError("E_STATE_NEWER", `${database.file} was written by a newer version`, {
      hint: "update tu-analyze, or move that file away: it only has what was seen of flows",
    });
}

const aboutSql = "SELECT id, about FROM flow WHERE flow_id = ?1";
const addFlowSql = `INSERT INTO flow (flow_id, status, last_at, object_key, upload_id, about)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;
const setFlowSql = `UPDATE flow SET status = ?2, last_at = ?3, object_key = ?4, upload_id = ?5, about = ?6
  WHERE flow_id = ?1`;
const addPartSql = "INSERT INTO part (flow, last_at, seen) VALUES (?1, ?2, ?3)";
const listSql = `SELECT about FROM flow
  WHERE last_at >= ?1 AND last_at < ?2 AND status IN (SELECT value FROM json_each(?3))
    AND (last_at, flow_id) < (?4, ?5)
  ORDER BY last_at DESC, flow_id DESC LIMIT ?6`;
const countSql = "SELECT status, count(*) AS flows FROM flow GROUP BY status";
/** The prefix is a range of the index: between it and itself with the greatest character after it. */
const findSql = `SELECT about FROM flow
  WHERE (flow_id >= ?1 AND flow_id < ?1 || char(1114111)) OR object_key = ?1 OR upload_id = ?1
  ORDER BY last_at DESC, flow_id DESC LIMIT ?2`;
const seenSql = `SELECT seen FROM part JOIN flow ON flow.id = part.flow
  WHERE flow.flow_id = ?1 ORDER BY place`;
const endSql = "SELECT coalesce(max(seq), 0) AS place FROM sqlite_sequence WHERE name = 'part'";
const addedSql = `SELECT place, about, seen FROM part JOIN flow ON flow.id = part.flow
  WHERE place > ?1 AND part.last_at >= ?2 ORDER BY place LIMIT ?3`;
const pruneSql = `DELETE FROM flow WHERE last_at < ?1 OR id NOT IN
  (SELECT id FROM flow ORDER BY last_at DESC, flow_id DESC LIMIT ?2)`;

function createStore(database: Database): FlowStore {
  const { run, ...statements } = prepareAll(database);
  const addOne = ({ about, seen }: Parameters<FlowStore["add"]>[0][number]): void => {
    const row = statements.about.first([about.flowId]);
    const known = row === undefined ? undefined : aboutIn(row);
    const now = known === undefined ? about : combined(known, about);
    const columns = [now.flowId, now.status, now.lastAtMs, now.objectKey, now.uploadId];
    const values = [...columns, JSON.stringify(now)];
    const { seq } =
      row === undefined ? statements.addFlow.run(values) : statements.setFlow.run(values);
    const flow = Number(row?.["id"] ?? seq);
    statements.addPart.run([flow, about.lastAtMs, packed(seen)]);
  };
  return {
    async add(parts) {
      if (parts.length === 0) return;
      database.transaction(() => {
        for (const part of parts) addOne(part);
      });
    },
    list: async (query) => statements.list.all(listed(query)).map(aboutIn),
    async count() {
      const counts = { running: 0, completed: 0, failed: 0 };
      for (const { flows, status } of statements.count.all([]))
        counts[status as keyof typeof counts] = Number(flows); // as it was written
      return counts;
    },
    find: async (prefix, limit) => statements.find.all([prefix, limit]).map(aboutIn),
    seenOf: async (flowId) =>
      statements.seen
        .all([flowId])
        .flatMap(seenIn)
        .sort((a, b) => seenAtMs(a) - seenAtMs(b)),
    end: async () => Number(statements.end.all([])[0]?.["place"] ?? 0),
    added: async ({ after, limit, sinceMs }) =>
      statements.added
        .all([after, sinceMs, limit])
        .map((row) => ({ place: Number(row["place"]), about: aboutIn(row), seen: seenIn(row) })),
    async remove(flowIds) {
      run(() => {
        for (const flowId of flowIds) statements.remove.run([flowId]);
      });
    },
    prune: async ({ beforeMs, most }) =>
      run(() => statements.prune.run([beforeMs ?? 0, most ?? -1]).changes),
    async clear() {
      run(() => database.exec("DELETE FROM flow"));
    },
    compact: async () => database.exec("VACUUM"),
  };
}

function prepareAll(database: Database) {
  const { prepare } = database;
  return {
    run: database.transaction,
    about: prepare(aboutSql),
    addFlow: prepare(addFlowSql),
    setFlow: prepare(setFlowSql),
    addPart: prepare(addPartSql),
    list: prepare(listSql),
    count: prepare(countSql),
    find: prepare(findSql),
    seen: prepare(seenSql),
    end: prepare(endSql),
    added: prepare(addedSql),
    remove: prepare("DELETE FROM flow WHERE flow_id = ?1"),
    prune: prepare(pruneSql),
  };
}

type Row = ReturnType<ReturnType<Database["prepare"]>["all"]>[number];

function listed({ after, limit, sinceMs, statuses, untilMs }: FlowQuery) {
  const from = [after?.lastAtMs ?? Number.MAX_SAFE_INTEGER, after?.flowId ?? ""];
  const until = Math.min(untilMs, Number.MAX_SAFE_INTEGER);
  return [Math.max(0, sinceMs), until, JSON.stringify(statuses), ...from, limit];
}

// Both as this file wrote them.
const aboutIn = (row: Row) => JSON.parse(String(row["about"])) as SeenFlow;
const seenIn = (row: Row) => JSON.parse(unpacked(row["seen"])) as readonly Seen[];

function packed(seen: readonly Seen[]): string | Uint8Array {
  const text = JSON.stringify(seen);
  return text.length < deflatedFrom ? text : deflateRawSync(text, fastest);
}

function unpacked(stored: Row[string] | undefined): string {
  return stored instanceof Uint8Array ? inflateRawSync(stored).toString() : String(stored);
}
