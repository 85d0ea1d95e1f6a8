export type UploadSession = {
  readonly uploadId: string;
  readonly key: string;
  readonly contentType: string;
  readonly createdAt: string;
  readonly status: "Pending" | "Uploaded";
  readonly bytes: number | null;
  readonly checksum: string | null;
};

export interface Uploads {
  create(session: UploadSession): Promise<void>;
  find(uploadId: string): Promise<UploadSession | undefined>;
  /** Idempotent: the first claim stays. Throws E_UPLOAD_NOT_FOUND. */
  markUploaded(uploadId: string, claim: { bytes: number; checksum: string }): Promise<void>;
  /** Oldest first. */
  list(): Promise<readonly UploadSession[]>;
  /** Unconfirmed sessions created before that time (ISO 8601, UTC), oldest first. */
  pendingBefore(createdAt: string): Promise<readonly UploadSession[]>;
  /** The sessions for these objects, unordered. */
  ofKeys(keys: readonly string[]): Promise<readonly UploadSession[]>;
  /** Unknown ids are ignored. */
  remove(uploadIds: readonly string[]): Promise<void>;
}
