/** One text read in the picture. */
export type ReadText = {
  readonly text: string;
  /** The reader's confidence, 0–1. */
  readonly confidence: number;
  /** In fractions of the upright picture, 0–1. */
  readonly box: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  /** Clockwise rotation of the line, if any; the box is then that of the levelled line. */
  readonly degrees?: number;
  /** The look at the picture that found it (`whole@960`, …). */
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

/** What a provider reports about the picture other than text in it. */
export type VisionHint = {
  readonly source: "logo" | "web_best_guess" | "web_entity" | "label" | "object";
  readonly text: string;
  /** As the provider reports it; some exceed 1. Null if it reports none. */
  readonly score: number | null;
  /** Null for statements about the whole picture. */
  readonly box: ReadText["box"] | null;
};

export type VisionReading = {
  readonly provider: VisionProvider;
  readonly texts: readonly ReadText[];
  readonly hints: readonly VisionHint[];
  /** The runtime of the networks, under its own name, for a provider that runs locally. */
  readonly runtime?: string;
};

/** Brand and model, or at least the brand. */
export type Wanted = "machine" | "brand";

/** A provider that reads the text in a photograph. */
export interface Vision {
  /**
   * Throws E_VISION_*, E_CASSETTE_*, or E_IMAGE_* for an unreadable image. Calls `isEnough` between looks with
   * everything read so far; looks for what is already known may be skipped.
   */
  read(
    image: Uint8Array,
    options: {
      isEnough: (texts: readonly ReadText[], wanted: Wanted) => boolean;
      signal?: AbortSignal;
    },
  ): Promise<VisionReading>;
  /** How many pictures it is worth giving at a time; further ones would only wait in here. */
  readonly atOnce: number;
  /** Starts whatever is slow to start, if anything; `read` works without it. */
  warmUp(): void;
  close(): Promise<void>;
}
