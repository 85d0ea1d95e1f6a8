import type { Fingerprints, Picture } from "../../pipeline/ports/fingerprints.ts";
import type { Database } from "./database.ts";
import { bytesOf, createPictures, hexOf } from "./pictures.ts";
import type { Writer } from "./writer.ts";

/** Fingerprints in the state file: objects, and the pictures they hold. */
export function createSqliteFingerprints(database: Database, writer: Writer): Fingerprints {
  const pictures = createPictures(database);
  const statements = prepareStatements(database);
  const pictureOf = (objectKey: string) => statements.find.first([objectKey]) as Row | undefined; // as selected
  return {
    async save({ checksum, objectKey, perceptualHash }) {
      const [file, hash] = [bytesOf(checksum), bytesOf(perceptualHash)];
      const store = () => {
        const before = pictureOf(objectKey);
        const seq = pictures.save(file, hash);
        if (before?.seq === seq) return;
        statements.write.run([objectKey, seq]);
        if (before !== undefined) pictures.removeUnused([before.seq]);
      };
      await writer.write(() => database.part(store), pictures.added);
    },
    async find(objectKey) {
      const row = pictureOf(objectKey);
      return row === undefined ? undefined : { objectKey, ...toPicture(row) };
    },
    async near({ checksum, perceptualHash }, bitsMax) {
      const seqs = pictures.near(bytesOf(perceptualHash), bitsMax);
      const values = [JSON.stringify(seqs), bytesOf(checksum)];
      return (statements.held.all(values) as unknown as readonly Row[]).map(toPicture); // the selected columns
    },
    async remove(objectKeys) {
      if (objectKeys.length === 0) return;
      const keys = JSON.stringify(objectKeys);
      const remove = () => {
        const held = statements.picturesOf.all([keys]).map((row) => Number(row["picture"]));
        statements.remove.run([keys]);
        pictures.removeUnused(held);
        pictures.repack();
      };
      await writer.write(() => database.part(remove));
    },
  };
}

type Row = {
  readonly seq: number;
  readonly checksum: Uint8Array;
  readonly perceptual_hash: Uint8Array;
};

function toPicture({ checksum, perceptual_hash }: Row): Picture {
  return { checksum: hexOf(checksum), perceptualHash: hexOf(perceptual_hash) };
}

function prepareStatements(database: Database) {
  const those = "(SELECT value FROM json_each(?1))";
  return {
    find: database.prepare(
      `SELECT seq, checksum, perceptual_hash FROM fingerprint JOIN picture ON seq = picture
       WHERE object_key = ?1`,
    ),
    write: database.prepare("INSERT OR REPLACE INTO fingerprint VALUES (?1, ?2)"),
    held: database.prepare(
      `SELECT seq, checksum, perceptual_hash FROM picture
       WHERE (seq IN ${those} OR checksum = ?2)
         AND EXISTS (SELECT 1 FROM fingerprint WHERE picture = seq)`,
    ),
    picturesOf: database.prepare(
      `SELECT DISTINCT picture FROM fingerprint WHERE object_key IN ${those}`,
    ),
    remove: database.prepare(`DELETE FROM fingerprint WHERE object_key IN ${those}`),
  };
}
