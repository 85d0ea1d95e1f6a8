import type { Glyph } from "./decode.ts";
import type { Picture } from "./picture.ts";
import type { TextMap } from "./regions.ts";
import type { Strip } from "./strip.ts";

export type PixelPart = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};
/** How a part is rendered: its size, then its clockwise rotation; the corners become grey. */
export type Rendering = {
  readonly width: number;
  readonly height: number;
  readonly degrees: number;
};

/** Renders pixels at any size, and runs two networks. Deterministic, even under concurrent calls. */
export interface TextNetworks {
  render(picture: Picture, part: PixelPart, as: Rendering): Promise<Picture>;
  /** The probability of text per pixel; the map may extend beyond the picture. */
  detect(picture: Picture): Promise<TextMap>;
  /** The text of a line, from left to right. */
  recognise(strip: Strip): Promise<readonly Glyph[]>;
}
