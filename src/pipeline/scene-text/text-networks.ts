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
/** How a part is shown: its size, then how far it is turned clockwise; the corners become grey. */
export type Rendering = {
  readonly width: number;
  readonly height: number;
  readonly degrees: number;
};

/**
 * What looking at a picture needs: pixels at any size, and two networks. The same input, the same output, also
 * when much is asked for at once.
 */
export interface TextNetworks {
  render(picture: Picture, part: PixelPart, as: Rendering): Promise<Picture>;
  /** For each pixel how likely it belongs to a line of text; the map may reach beyond the picture. */
  detect(picture: Picture): Promise<TextMap>;
  /** What a line says, from left to right. */
  recognise(strip: Strip): Promise<readonly Glyph[]>;
}
