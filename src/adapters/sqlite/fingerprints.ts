import type { Fingerprint, Fingerprints } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { createFollower } from "./follower.ts";
import type { Writer } from "./writer.ts";

/** Fingerprints in the state file, and in memory: every comparison asks for all of them. */
export function createSqliteFingerprints(database: Database, writer: Writer): Fingerprints {
  const { query } = database;
  const byObjectKey = new Map<string, Fingerprint>();
  const follower = createFollower({
    database,
    rowsAfter: (seq) =>
      query.selectFrom("fingerprint").selectAll().where("seq", ">", seq).orderBy("seq"),
    apply: ({ object_key: objectKey, checksum, perceptual_hash: perceptualHash }) =>
      byObjectKey.set(objectKey, { objectKey, checksum, perceptualHash }),
  });
  return {
    async save({ objectKey, checksum, perceptualHash }) {
      follower.catchUp();
      const known = byObjectKey.get(objectKey);
      if (known?.checksum === checksum && known.perceptualHash === perceptualHash) return;
      const row = { object_key: objectKey, checksum, perceptual_hash: perceptualHash };
      const insert = query.insertInto("fingerprint").values(row);
      await writer.write(() => database.run(insert), follower.added);
    },
    async all() {
      follower.catchUp();
      return [...byObjectKey.values()];
    },
    async remove(objectKeys) {
      const removal = query.deleteFrom("fingerprint").where("object_key", "in", objectKeys);
      if (objectKeys.length > 0) await writer.write(() => database.run(removal));
      follower.catchUp();
      for (const objectKey of objectKeys) byObjectKey.delete(objectKey);
    },
  };
}
