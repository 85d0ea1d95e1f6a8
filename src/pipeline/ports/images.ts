export type ImageFormat = "jpeg" | "png" | "webp";

export type ImageHeader = {
  readonly format: ImageFormat;
  readonly contentType: "image/jpeg" | "image/png" | "image/webp";
  /** As stored, before the orientation is applied. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation 1–8; 1 if absent. */
  readonly orientation: number;
};

export type Colour = {
  /** `#rrggbb` */
  readonly hex: string;
  /** From a small fixed set of English colour names. */
  readonly name: string;
  /** Fraction of the picture, 0–1. */
  readonly share: number;
};

export type Exif = {
  /** ISO 8601; with an offset if the camera recorded one. */
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
  /** Describes what could not be read; empty if everything was. */
  readonly problems: readonly string[];
};

export interface Images {
  /**
   * Reads only the header, never decodes. Throws E_IMAGE_EMPTY, E_IMAGE_NOT_AN_IMAGE, E_IMAGE_TYPE_REFUSED,
   * E_IMAGE_TOO_MANY_PIXELS, E_IMAGE_TRUNCATED.
   */
  identify(bytes: Uint8Array): Promise<ImageHeader>;
  /** Decodes the whole image. Throws E_IMAGE_TRUNCATED or E_IMAGE_NOT_AN_IMAGE when that fails. */
  verify(bytes: Uint8Array): Promise<void>;
  /** 256-bit perceptual hash, 64 lower-case hex digits; the orientation is applied first. */
  perceptualHash(bytes: Uint8Array): Promise<string>;
  /** Dominant colours, largest share first, at most five. */
  colours(bytes: Uint8Array): Promise<readonly Colour[]>;
  /** Never throws because of the image's content. */
  exif(bytes: Uint8Array): Promise<Exif>;
}
