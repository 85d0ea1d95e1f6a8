import type { Selectable } from "kysely";
import { TuError } from "../../pipeline/errors.ts";
import type { UploadSession, Uploads } from "../../pipeline/ports/uploads.ts";
import type { Database } from "./database.ts";
import type { Schema } from "./schema.ts";
import type { Writer } from "./writer.ts";

/** Upload sessions in the state file. */
export function createSqliteUploads(database: Database, writer: Writer): Uploads {
  const { query } = database;
  const rowOf = (uploadId: string) =>
    database.first(query.selectFrom("upload").selectAll().where("upload_id", "=", uploadId));
  return {
    async create({ uploadId, contentType, createdAt, ...rest }) {
      const row = {
        ...rest,
        upload_id: uploadId,
        content_type: contentType,
        created_at: createdAt,
      };
      const insert = query
        .insertInto("upload")
        .values(row)
        .onConflict((conflict) => conflict.doNothing());
      await writer.write(() => database.run(insert));
    },
    async find(uploadId) {
      const row = rowOf(uploadId);
      return row === undefined ? undefined : toSession(row);
    },
    async markUploaded(uploadId, { bytes, checksum }) {
      const update = query
        .updateTable("upload")
        .set({ status: "Uploaded", bytes, checksum })
        .where("upload_id", "=", uploadId)
        .where("status", "=", "Pending");
      const changed = await writer.write(() => database.run(update));
      if (changed === 0 && rowOf(uploadId) === undefined)
        throw new TuError("E_UPLOAD_NOT_FOUND", `there is no upload ${uploadId}`);
    },
    list: async () =>
      database
        .all(query.selectFrom("upload").selectAll().orderBy("created_at").orderBy("upload_id"))
        .map(toSession),
    pendingBefore: async (before) =>
      database
        .all(
          query
            .selectFrom("upload")
            .selectAll()
            .where("status", "=", "Pending")
            .where("created_at", "<", before)
            .orderBy("created_at"),
        )
        .map(toSession),
    async ofKeys(keys) {
      if (keys.length === 0) return [];
      return database
        .all(query.selectFrom("upload").selectAll().where("key", "in", keys))
        .map(toSession);
    },
    async remove(uploadIds) {
      const removal = query.deleteFrom("upload").where("upload_id", "in", uploadIds);
      if (uploadIds.length > 0) await writer.write(() => database.run(removal));
    },
  };
}

function toSession(row: Selectable<Schema["upload"]>): UploadSession {
  const { upload_id: uploadId, content_type: contentType, created_at: createdAt, ...rest } = row;
  return { ...rest, uploadId, contentType, createdAt };
}
