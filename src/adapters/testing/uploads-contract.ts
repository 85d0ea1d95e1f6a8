import { expect, test } from "vitest";
import type { UploadSession, Uploads } from "../../pipeline/ports/uploads.ts";

type Opened = { readonly uploads: Uploads; readonly close: () => Promise<void> };

const session: UploadSession = {
  uploadId: "01901234-5678-7abc-8def-0123456789ab",
  key: "images/2025/11/22/a.jpg",
  contentType: "image/jpeg",
  createdAt: "2025-11-22T10:00:00.000Z",
  status: "Pending",
  bytes: null,
  checksum: null,
};
const claim = { bytes: 4321, checksum: `sha256:${"ab".repeat(32)}` };

/** Every Uploads adapter must pass this suite. */
export function uploadsContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (uploads: Uploads) => Promise<void>) =>
    test(name, async () => {
      const { uploads, close } = await open();
      try {
        await run(uploads);
      } finally {
        await close();
      }
    });

  scenario("an unknown upload is not found", async (uploads) => {
    expect(await uploads.find(session.uploadId)).toBeUndefined();
  });

  scenario("all are listed, oldest first, until they are removed", async (uploads) => {
    const at = (day: number) => ({
      ...session,
      uploadId: `01901234-5678-7abc-8def-00000000000${day}`,
      createdAt: `2025-11-0${day}T10:00:00.000Z`,
    });
    for (const day of [2, 3, 1]) await uploads.create(at(day));
    expect(await uploads.list()).toEqual([at(1), at(2), at(3)]);
    await uploads.remove([at(2).uploadId, "unknown"]);
    await uploads.remove([]);
    expect(await uploads.list()).toEqual([at(1), at(3)]);
    expect(await uploads.find(at(2).uploadId)).toBeUndefined();
  });

  scenario("those that nobody confirmed, and those for an object, are found", async (uploads) => {
    const at = (day: number) => ({
      ...session,
      ...{
        uploadId: `id-${day}`,
        key: `key-${day % 3}`,
        createdAt: `2025-11-0${day}T10:00:00.000Z`,
      },
    });
    for (const day of [4, 2, 3, 1]) await uploads.create(at(day));
    await uploads.markUploaded("id-2", claim);
    expect(await uploads.pendingBefore("2025-11-04T10:00:00.000Z")).toEqual([at(1), at(3)]);
    const ids = async (keys: readonly string[]) =>
      new Set((await uploads.ofKeys(keys)).map(({ uploadId }) => uploadId));
    expect(await ids(["key-1", "key-2", "unknown"])).toEqual(new Set(["id-1", "id-2", "id-4"]));
    expect(await ids([])).toEqual(new Set());
  });

  scenario("a session is read back as it was created", async (uploads) => {
    await uploads.create(session);
    expect(await uploads.find(session.uploadId)).toEqual(session);
  });

  scenario("marking keeps what the client claims; the first claim stays", async (uploads) => {
    await uploads.create(session);
    await uploads.markUploaded(session.uploadId, claim);
    await uploads.markUploaded(session.uploadId, { ...claim, bytes: 1 });
    expect(await uploads.find(session.uploadId)).toEqual({
      ...session,
      ...claim,
      status: "Uploaded",
    });
  });

  scenario("creating a session again leaves it as it is", async (uploads) => {
    await uploads.create(session);
    await uploads.markUploaded(session.uploadId, claim);
    await uploads.create(session);
    expect(await uploads.find(session.uploadId)).toMatchObject({ status: "Uploaded" });
  });

  scenario(
    "an upload that was never started cannot be marked, its neighbours can",
    async (uploads) => {
      await uploads.create(session);
      const [unknown, known] = await Promise.allSettled([
        uploads.markUploaded("unknown", claim),
        uploads.markUploaded(session.uploadId, claim),
      ]);
      expect(unknown).toMatchObject({ reason: { code: "E_UPLOAD_NOT_FOUND" } });
      expect(known).toMatchObject({ status: "fulfilled" });
    },
  );
}
