/** A vision service's raw response, before any interpretation. */
export interface Annotator {
  /**
   * The features requested for every picture, as the service spells them. Together with the picture they determine
   * the response.
   */
  readonly features: readonly string[];
  /**
   * The response for one picture, in the shape of the service's REST API. A response that rejects the picture is
   * thrown, never returned. Throws E_VISION_*, E_CASSETTE_*; the signal's reason when aborted.
   */
  annotate(image: Uint8Array, options?: { signal?: AbortSignal }): Promise<unknown>;
  close(): Promise<void>;
}
