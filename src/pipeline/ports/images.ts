export type ImageFormat = "jpeg" | "png" | "webp";

export type ImageHeader = {
  readonly format: ImageFormat;
  readonly contentType: "image/jpeg" | "image/png" | "image/webp";
  /** As stored, before the orientation is applied. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation 1–8; 1 when not given. */
  readonly orientation: number;
};

export type Colour = {
  /** `#rrggbb` */
  readonly hex: string;
  /** One of a small fixed set of English colour names. */
  readonly name: string;
  /** Part of the picture, 0–1. */
  readonly share: number;
};

export type Exif = {
  /** ISO 8601; with an offset when the camera gave one, without otherwise. */
  readonly capturedAt: string | null;
  readonly location: {
    readonly lat: number;
    readonly lon: number;
    readonly altitude?: number;
  } | null;
  readonly camera: string | null;
  readonly orientation: number | null;
  /** Everything readable, unsorted. */
  readonly entries: readonly {
    readonly group: string;
    readonly key: string;
    readonly value: string;
  }[];
  /** What could not be read, in words; empty when all was well. */
  readonly problems: readonly string[];
};

export interface Images {
  /**
   * Looks at the header only, never decodes. Throws E_IMAGE_EMPTY, E_IMAGE_NOT_AN_IMAGE,
   * E_IMAGE_TYPE_REFUSED, E_IMAGE_TOO_MANY_PIXELS, E_IMAGE_TRUNCATED.
   */
  identify(bytes: Uint8Array): Promise<ImageHeader>;
  /** Decodes all of it. Throws E_IMAGE_TRUNCATED or E_IMAGE_NOT_AN_IMAGE when that fails. */
  verify(bytes: Uint8Array): Promise<void>;
  /** 256-bit perceptual hash, 64 lower-case hex digits; the orientation is applied first. */
  perceptualHash(bytes: Uint8Array): Promise<string>;
  /** Dominant colours, largest share first, at most five. */
  colours(bytes: Uint8Array): Promise<readonly Colour[]>;
  /** Never throws for what is inside the image. */
  exif(bytes: Uint8Array): Promise<Exif>;
}
