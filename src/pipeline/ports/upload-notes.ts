/** What a client stores about an upload until its flow has ended. */
export type UploadNote = {
  /** The picture's name as the user gave it. */
  readonly file: string;
  readonly objectKey: string;
  /** SHA-256 of the picture, in hex. */
  readonly checksum: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
};

/** By flow id. A convenience: a missing note costs only a name. */
export interface UploadNotes {
  put(flowId: string, note: UploadNote): Promise<void>;
  find(flowId: string): Promise<UploadNote | null>;
  all(): Promise<ReadonlyMap<string, UploadNote>>;
  /** Unknown ids are ignored. */
  remove(flowId: string): Promise<void>;
}
