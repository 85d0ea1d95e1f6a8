import { TuError } from "../../pipeline/errors.ts";
import type { UploadSession, Uploads } from "../../pipeline/ports/uploads.ts";

/** Upload sessions, for the lifetime of the process. */
export function createMemoryUploads(): Uploads {
  const sessions = new Map<string, UploadSession>();
  const list = () => [...sessions.values()].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  return {
    async create(session) {
      if (!sessions.has(session.uploadId)) sessions.set(session.uploadId, session);
    },
    find: async (uploadId) => sessions.get(uploadId),
    async markUploaded(uploadId, claim) {
      const session = sessions.get(uploadId);
      if (session === undefined)
        throw new TuError("E_UPLOAD_NOT_FOUND", `there is no upload ${uploadId}`);
      if (session.status === "Uploaded") return;
      sessions.set(uploadId, { ...session, ...claim, status: "Uploaded" });
    },
    list: async () => list(),
    pendingBefore: async (before) =>
      list().filter(({ createdAt, status }) => status === "Pending" && createdAt < before),
    ofKeys: async (keys) => list().filter(({ key }) => keys.includes(key)),
    async remove(uploadIds) {
      for (const uploadId of uploadIds) sessions.delete(uploadId);
    },
  };
}
