import type { Selectable } from "kysely";
import type { Machine, MachineObservation, Machines } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { createFollower } from "./follower.ts";
import { createMachineIndex } from "./machine-index.ts";
import type { Schema } from "./schema.ts";
import type { Writer } from "./writer.ts";

/**
 * Observations in the state file, and the machines that they add up to in memory: every comparison
 * asks for all of them.
 */
export function createSqliteMachines(database: Database, writer: Writer): Machines {
  const { query } = database;
  let index = createMachineIndex();
  const follower = createFollower({
    database,
    rowsAfter: (seq) =>
      query.selectFrom("observation").selectAll().where("seq", ">", seq).orderBy("seq"),
    apply: (row) => index.apply(toObservation(row)),
  });
  const current = () => {
    follower.catchUp();
    return index;
  };
  return {
    async save(observation) {
      const insert = query
        .insertInto("observation")
        .values(toRow(observation))
        .onConflict((conflict) => conflict.column("flow_id").doNothing());
      await writer.write(() => database.run(insert), follower.added);
      const machine = current().findByFlow(observation.sighting.flowId);
      if (machine !== undefined) return machine;
      throw new Error(`the observation of ${observation.machineId} was saved and is not there`);
    },
    find: async (id) => current().find(id),
    findByPrefix: async (prefix) =>
      current()
        .list()
        .filter(({ id }) => id.startsWith(prefix)),
    findByObjectKey: async (objectKey) => current().findByObjectKey(objectKey),
    list: async ({ limit } = {}) => current().list().slice(0, limit),
    async clear() {
      await writer.write(() => database.run(query.deleteFrom("observation")));
      index = createMachineIndex();
      follower.restart();
    },
  };
}

type Row = Selectable<Schema["observation"]>;

function toRow({ machineId, sighting, resembles, ...described }: MachineObservation) {
  return {
    ...described,
    machine_id: machineId,
    flow_id: sighting.flowId,
    object_key: sighting.objectKey,
    seen_at: sighting.seenAt,
    verdict: sighting.verdict,
    resembles: JSON.stringify(resembles),
  };
}

function toObservation(row: Row): MachineObservation {
  const { checksum, brand, type, model, name, confidence, verdict } = row;
  return {
    ...{ machineId: row.machine_id, checksum, brand, type, model, name, confidence },
    sighting: { flowId: row.flow_id, objectKey: row.object_key, seenAt: row.seen_at, verdict },
    resembles: JSON.parse(row.resembles) as Machine["resembles"], // toRow wrote it
  };
}
