/** A vision service as it answers, before anything is made of the answer. */
export interface Annotator {
  /** What is asked of every picture, in the service's spelling. With the picture it settles the answer. */
  readonly features: readonly string[];
  /**
   * The answer for one picture, in the shape of the service's REST API. An answer that says that the
   * picture was refused is thrown, never returned. Throws E_VISION_*, E_CASSETTE_*; the signal's
   * reason when aborted.
   */
  annotate(image: Uint8Array, options?: { signal?: AbortSignal }): Promise<unknown>;
  close(): Promise<void>;
}
