/** What a client remembers of an upload until its flow has ended. */
export type UploadNote = {
  /** As the user called the picture. */
  readonly file: string;
  readonly objectKey: string;
  /** Of the picture: hex of SHA-256. */
  readonly checksum: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
};

/** By the id of the flow. They are a convenience: one that is missing costs a name. */
export interface UploadNotes {
  put(flowId: string, note: UploadNote): Promise<void>;
  all(): Promise<ReadonlyMap<string, UploadNote>>;
  /** Unknown ids are ignored. */
  remove(flowId: string): Promise<void>;
}
