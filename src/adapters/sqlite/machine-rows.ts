import type { Selectable } from "kysely";
import type {
  MachineObservation,
  MachineSummary,
  Sighting,
} from "../../pipeline/ports/machines.ts";
import type { Database } from "./database.ts";
import type { Schema } from "./schema.ts";

export type ObservationRow = Selectable<Schema["observation"]>;
export type MachineRow = Selectable<Schema["machine"]>;

export function toObservation(row: ObservationRow): MachineObservation {
  const { checksum, brand, type, model, name, confidence } = row;
  return {
    ...{ machineId: row.machine_id, checksum, brand, type, model, name, confidence },
    sighting: toSighting(row),
    resembles: resemblancesIn(row.resembles),
  };
}

export const toSighting = ({
  flow_id: flowId,
  object_key: objectKey,
  seen_at: seenAt,
  verdict,
}: Pick<ObservationRow, "flow_id" | "object_key" | "seen_at" | "verdict">): Sighting => ({
  ...{ flowId, objectKey, seenAt, verdict },
});

export function toSummary(row: MachineRow): MachineSummary {
  const { id, brand, type, model, name, confidence } = row;
  return {
    ...{ id, brand, type, model, name, confidence },
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    resembles: resemblancesIn(row.resembles),
  };
}

/** Machines aggregated from their observations, one row each. */
export function prepareMachineRow(database: Database) {
  const find = database.prepare("SELECT * FROM machine WHERE id = ?1");
  const write = database.prepare(
    "INSERT OR REPLACE INTO machine VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
  );
  return {
    find(id: string): MachineSummary | undefined {
      const row = find.first([id]);
      return row === undefined ? undefined : toSummary(row as unknown as MachineRow); // all columns are selected
    },
    write(machine: MachineSummary): void {
      const { id, brand, type, model, name, confidence } = machine;
      write.run([
        ...[id, brand, type, model, name, confidence],
        ...[machine.firstSeenAt, machine.lastSeenAt, JSON.stringify(machine.resembles)],
      ]);
    },
  };
}

const resemblancesIn = (text: string) => JSON.parse(text) as MachineSummary["resembles"]; // written by JSON.stringify
