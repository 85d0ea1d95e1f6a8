import { summaryWith } from "../../pipeline/domain/machine.ts";
import type {
  Machine,
  MachineObservation,
  MachineSummary,
  Machines,
  Sighting,
} from "../../pipeline/ports/machines.ts";
import type { Database } from "./database.ts";
import {
  type MachineRow,
  type ObservationRow,
  prepareMachineRow,
  toSighting,
  toSummary,
} from "./machine-rows.ts";
import type { Writer } from "./writer.ts";

/** Sorts after every text that is an id or a time. */
const last = "\u{10ffff}";

/**
 * Observations in the state file, and next to them the machines aggregated from them. The machine of an observation
 * is determined in the transaction that stores it, for every process alike.
 */
export function createSqliteMachines(database: Database, writer: Writer): Machines {
  const rows = prepareMachineRow(database);
  const statements = prepareStatements(database);

  const store = (observation: MachineObservation): string => {
    const { checksum, sighting } = observation;
    const saved = textIn(statements.ofFlow.first([sighting.flowId]));
    if (saved !== undefined) return saved;
    const pictured = checksum === null ? undefined : statements.ofPicture.first([checksum, ""]);
    const id = textIn(pictured) ?? observation.machineId;
    statements.insert.run(valuesOf(id, observation));
    rows.write(summaryWith(id, rows.find(id), observation));
    return id;
  };
  const whole = (summaries: readonly MachineSummary[]): readonly Machine[] => {
    const seen = new Map<string, Sighting[]>(summaries.map(({ id }) => [id, []]));
    const found = statements.sightings.all([JSON.stringify([...seen.keys()])]);
    for (const row of found as unknown as readonly ObservationRow[]) // the selected columns
      seen.get(row.machine_id)?.push(toSighting(row));
    return summaries.map((summary) => ({ ...summary, sightings: seen.get(summary.id) ?? [] }));
  };
  const find = (id: string | undefined): Machine | undefined => {
    const summary = id === undefined ? undefined : rows.find(id);
    return summary === undefined ? undefined : whole([summary])[0];
  };
  return {
    save: (observation) => writer.write(() => database.part(() => store(observation))),
    find: async (id) => find(id),
    idsWith: async (prefix) =>
      statements.idsWith.all([prefix, `${prefix}${last}`]).map((row) => String(row["id"])),
    findByObjectKey: async (objectKey) => find(textIn(statements.ofObject.first([objectKey]))),
    async ofPicture(checksum, exceptKey) {
      const id = textIn(statements.ofPicture.first([checksum, exceptKey]));
      return id === undefined ? undefined : rows.find(id);
    },
    ofModel: async (model, { after, limit }) =>
      summariesIn(statements.ofModel.all([model, after ?? "", limit])),
    list: async ({ after, limit }) =>
      whole(
        summariesIn(statements.list.all([after?.lastSeenAt ?? last, after?.id ?? last, limit])),
      ),
    async count() {
      const { machines, sightings } = statements.count.first([]) as Counted; // the selected columns
      return { machines, sightings };
    },
    async clear() {
      await writer.write(() => {
        for (const table of ["observation", "machine"]) database.exec(`DELETE FROM ${table}`);
      });
    },
  };
}

type Counted = { readonly machines: number; readonly sightings: number };

function prepareStatements(database: Database) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    insert: prepare(
      `INSERT INTO observation (flow_id, machine_id, checksum, brand, type, model, name, confidence,
         object_key, seen_at, verdict, resembles)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`,
    ),
    ofFlow: prepare("SELECT machine_id FROM observation WHERE flow_id = ?1"),
    ofObject: prepare(
      "SELECT machine_id FROM observation WHERE object_key = ?1 ORDER BY seq LIMIT 1",
    ),
    ofPicture: prepare(
      "SELECT machine_id FROM observation WHERE checksum = ?1 AND object_key <> ?2 LIMIT 1",
    ),
    sightings: prepare(
      `SELECT machine_id, flow_id, object_key, seen_at, verdict FROM observation
       WHERE machine_id IN (SELECT value FROM json_each(?1)) ORDER BY machine_id, seen_at, seq`,
    ),
    idsWith: prepare("SELECT id FROM machine WHERE id >= ?1 AND id < ?2 ORDER BY id"),
    ofModel: prepare("SELECT * FROM machine WHERE model = ?1 AND id > ?2 ORDER BY id LIMIT ?3"),
    list: prepare(
      `SELECT * FROM machine WHERE last_seen_at <= ?1 AND NOT (last_seen_at = ?1 AND id <= ?2)
       ORDER BY last_seen_at DESC, id LIMIT ?3`,
    ),
    count: prepare(
      `SELECT (SELECT count(*) FROM machine) AS machines,
         (SELECT count(*) FROM observation) AS sightings`,
    ),
  };
}

const valuesOf = (id: string, observation: MachineObservation) => {
  const { brand, checksum, confidence, model, name, resembles, sighting, type } = observation;
  return [
    ...[sighting.flowId, id, checksum, brand, type, model, name, confidence],
    ...[sighting.objectKey, sighting.seenAt, sighting.verdict, JSON.stringify(resembles)],
  ];
};

const textIn = (row: Readonly<Record<string, unknown>> | undefined): string | undefined =>
  row === undefined ? undefined : String(row["machine_id"]);

const summariesIn = (rows: readonly unknown[]): readonly MachineSummary[] =>
  (rows as readonly MachineRow[]).map(toSummary); // all columns are selected
