/** One piece of text that was read in the picture. */
export type ReadText = {
  readonly text: string;
  /** How sure the reader is, 0–1. */
  readonly confidence: number;
  /** As parts of the upright picture, 0–1. */
  readonly box: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  /** How far the line is turned clockwise, if it is; the box then is as if the line were level. */
  readonly degrees?: number;
  /** Which look at the picture showed it (`whole@960`, …). */
  readonly preparation: string;
};

export type VisionProvider = {
  readonly name: string;
  readonly apiVersion: string | null;
  readonly featureset: readonly string[];
  readonly maxResults: number | null;
  readonly reasoningName: string | null;
  readonly reasoningModel: string | null;
};

/** What a provider says about the picture that is not text in it. */
export type VisionHint = {
  readonly source: "logo" | "web_best_guess" | "web_entity" | "label" | "object";
  readonly text: string;
  /** As the provider gives it; some of them exceed 1. Null where it gives none. */
  readonly score: number | null;
  /** Null for what is said of the whole picture. */
  readonly box: ReadText["box"] | null;
};

export type VisionReading = {
  readonly provider: VisionProvider;
  readonly texts: readonly ReadText[];
  readonly hints: readonly VisionHint[];
  /** What the networks ran on, as it calls itself, for a provider that runs here. */
  readonly runtime?: string;
};

/** Brand and model, or the brand at least. */
export type Wanted = "machine" | "brand";

/** A provider that reads what is written in a photograph. */
export interface Vision {
  /**
   * Throws E_VISION_*, E_CASSETTE_*, or E_IMAGE_* for an image that cannot be read. `isEnough` is asked
   * between looks with all that was read so far; what only serves what is known may be left out.
   */
  read(
    image: Uint8Array,
    options: {
      isEnough: (texts: readonly ReadText[], wanted: Wanted) => boolean;
      signal?: AbortSignal;
    },
  ): Promise<VisionReading>;
  /** Starts what takes long to start, if anything does; `read` works without it. */
  warmUp(): void;
  close(): Promise<void>;
}
