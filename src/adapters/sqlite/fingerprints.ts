import type { Fingerprints } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import type { Writer } from "./writer.ts";

/** Fingerprints in the state file. */
export function createSqliteFingerprints(database: Database, writer: Writer): Fingerprints {
  const { query } = database;
  return {
    async save({ objectKey, checksum, perceptualHash }) {
      const values = { checksum, perceptual_hash: perceptualHash };
      const upsert = query
        .insertInto("fingerprint")
        .values({ object_key: objectKey, ...values })
        .onConflict((conflict) => conflict.column("object_key").doUpdateSet(values));
      await writer.write(() => database.run(upsert));
    },
    async all() {
      const rows = database.all(query.selectFrom("fingerprint").selectAll().orderBy("seq"));
      return rows.map((row) => ({
        objectKey: row.object_key,
        checksum: row.checksum,
        perceptualHash: row.perceptual_hash,
      }));
    },
  };
}
