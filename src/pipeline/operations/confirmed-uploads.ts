import { confirmIdOf } from "../contracts/upload.ts";
import type { Message } from "../message.ts";
import type { Ids } from "../ports/ids.ts";
import type { UploadSession, Uploads } from "../ports/uploads.ts";

// An upload is accepted when its confirm is recorded. Its session is updated shortly afterwards, in another file: a
// failure in between must not make an accepted picture look unconfirmed.

export type Confirmed = {
  readonly uploads: Uploads;
  readonly ids: Pick<Ids, "derive">;
  /** The message with that id, if any journal in the directory has decided it. */
  readonly taken: (messageId: string) => Promise<Message | undefined>;
};
type Claim = Parameters<Uploads["markUploaded"]>[1];

export const isConfirmed = async ({ uploadId }: UploadSession, kept: Confirmed): Promise<boolean> =>
  (await claimOf(uploadId, kept)) !== undefined;

/** Brings sessions created before that time (ISO 8601, UTC) in line with their records. */
export async function settleUploads(kept: Confirmed, before: string): Promise<void> {
  for (const { uploadId } of await kept.uploads.pendingBefore(before)) {
    const claim = await claimOf(uploadId, kept);
    if (claim !== undefined) await kept.uploads.markUploaded(uploadId, claim);
  }
}

async function claimOf(
  uploadId: string,
  { ids, taken }: Pick<Confirmed, "ids" | "taken">,
): Promise<Claim | undefined> {
  const confirm = await taken(confirmIdOf(uploadId, ids));
  return confirm?.payload as Claim | undefined; // the ingestion service records the claim
}
