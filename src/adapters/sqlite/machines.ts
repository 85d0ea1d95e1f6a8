import type { Selectable } from "kysely";
import type { Machine, MachineObservation, Machines } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import type { Schema } from "./schema.ts";
import type { Writer } from "./writer.ts";

/** Machines and their sightings in the state file. */
export function createSqliteMachines(database: Database, writer: Writer): Machines {
  const { query } = database;
  const machines = query.selectFrom("machine").selectAll();
  const find = (id: string) => {
    const row = database.first(machines.where("id", "=", id));
    return row === undefined ? undefined : toMachine(database, row);
  };
  return {
    save: (observation) =>
      writer.write(() => {
        const { flowId } = observation.sighting;
        const saved = database.first(
          query.selectFrom("sighting").select("machine_id").where("flow_id", "=", flowId),
        );
        if (saved === undefined) database.savepoint(() => insertObservation(database, observation));
        const machine = find(saved?.machine_id ?? observation.machineId);
        if (machine !== undefined) return machine;
        throw new Error(`machine ${observation.machineId} is gone within its transaction`);
      }),
    find: async (id) => find(id),
    async findByPrefix(prefix) {
      // LIKE would take % and _ for wildcards and A for a; a range of the index does not.
      const rows = database.all(
        machines
          .where("id", ">=", prefix)
          .where("id", "<", `${prefix}\u{10FFFF}`)
          .orderBy("last_seen_at", "desc")
          .orderBy("id"),
      );
      return rows.map((row) => toMachine(database, row));
    },
    async findByObjectKey(objectKey) {
      const first = database.first(
        query
          .selectFrom("sighting")
          .select("machine_id")
          .where("object_key", "=", objectKey)
          .orderBy("seq")
          .limit(1),
      );
      return first === undefined ? undefined : find(first.machine_id);
    },
    async list({ limit } = {}) {
      const ordered = machines.orderBy("last_seen_at", "desc").orderBy("id");
      const rows = database.all(limit === undefined ? ordered : ordered.limit(limit));
      return rows.map((row) => toMachine(database, row));
    },
  };
}

/**
 * Brand, type, model, name and confidence are those of the surest observation, the first of
 * equals; a resemblance has its latest score.
 */
function insertObservation(database: Database, seen: MachineObservation): void {
  const { query } = database;
  const { machineId: id, sighting, resembles, ...described } = seen;
  const known = database.first(query.selectFrom("machine").selectAll().where("id", "=", id));
  const isSurer = known === undefined || seen.confidence > known.confidence;
  const row = {
    ...(isSurer ? described : {}),
    last_seen_at: laterOf(known?.last_seen_at ?? "", sighting.seenAt),
    resembles: JSON.stringify(mergeResemblances(known, resembles)),
  };
  if (known === undefined)
    database.run(query.insertInto("machine").values({ ...described, ...row, id }));
  else database.run(query.updateTable("machine").set(row).where("id", "=", id));
  database.run(
    query.insertInto("sighting").values({
      flow_id: sighting.flowId,
      machine_id: id,
      object_key: sighting.objectKey,
      seen_at: sighting.seenAt,
      verdict: sighting.verdict,
    }),
  );
}

function laterOf(a: string, b: string): string {
  if (a > b) return a;
  return b;
}

type MachineRow = Selectable<Schema["machine"]>;

function mergeResemblances(
  known: MachineRow | undefined,
  seen: Machine["resembles"],
): Machine["resembles"] {
  const isSeen = new Set(seen.map(({ machineId }) => machineId));
  const kept = known === undefined ? [] : resemblesOf(known);
  return [...kept.filter(({ machineId }) => !isSeen.has(machineId)), ...seen];
}

const resemblesOf = ({ resembles }: MachineRow) => JSON.parse(resembles) as Machine["resembles"]; // insertObservation wrote it

function toMachine(database: Database, row: MachineRow): Machine {
  const sightings = database
    .all(
      database.query
        .selectFrom("sighting")
        .selectAll()
        .where("machine_id", "=", row.id)
        .orderBy("seen_at")
        .orderBy("seq"),
    )
    .map((one) => ({
      flowId: one.flow_id,
      objectKey: one.object_key,
      seenAt: one.seen_at,
      verdict: one.verdict,
    }));
  return {
    id: row.id,
    brand: row.brand,
    type: row.type,
    model: row.model,
    name: row.name,
    confidence: row.confidence,
    firstSeenAt: sightings[0]?.seenAt ?? row.last_seen_at,
    lastSeenAt: row.last_seen_at,
    sightings,
    resembles: resemblesOf(row),
  };
}
