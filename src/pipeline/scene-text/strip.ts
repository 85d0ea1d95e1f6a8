import type { Picture } from "./picture.ts";
import type { Point } from "./regions.ts";

/** A line of text, cut out and levelled: three planes of −1 to 1, at the height the recogniser was trained on. */
export type Strip = { readonly width: number; readonly data: Float32Array };
/** The centre of a line in the picture, its size in pixels and its direction. */
export type Place = {
  readonly centre: Point;
  readonly length: number;
  readonly height: number;
  readonly radians: number;
};

export const stripHeight = 48;
const narrowest = 48;
const widest = 960;

/** The letters of a slanting line: turned with it, as on a boom, or upright, as on a receding side. */
export type Letters = "turned" | "upright";

/** `filled` is the width of the line within the strip, in pixels; the rest is padding. */
export function cutOut(
  picture: Picture,
  place: Place,
  letters: Letters,
): Strip & { readonly filled: number } {
  const filled = Math.max(
    8,
    Math.min(widest, Math.round((stripHeight * place.length) / place.height)),
  );
  const width = Math.max(narrowest, Math.ceil(filled / 16) * 16);
  const data = new Float32Array(3 * stripHeight * width);
  const [cos, sin] = [Math.cos(place.radians), Math.sin(place.radians)];
  const [downX, downY] = letters === "turned" ? [-sin, cos] : [0, 1 / Math.max(0.5, cos)];
  const [stepX, stepY] = [place.length / filled, place.height / stripHeight];
  const samples = Math.max(1, Math.min(4, Math.round(stepY)));
  for (let y = 0; y < stripHeight; y += 1) {
    for (let x = 0; x < filled; x += 1) {
      for (let part = 0; part < samples * samples; part += 1) {
        const across = (x + ((part % samples) + 0.5) / samples) * stepX - place.length / 2;
        const down = (y + (Math.floor(part / samples) + 0.5) / samples) * stepY - place.height / 2;
        addPixel(
          picture,
          place.centre.x + across * cos + down * downX,
          place.centre.y + across * sin + down * downY,
          { data, at: y * width + x, plane: stripHeight * width, weight: 1 / (samples * samples) },
        );
      }
    }
  }
  return { width, data, filled };
}

type Target = {
  readonly data: Float32Array;
  readonly at: number;
  readonly plane: number;
  readonly weight: number;
};

/** Bilinear interpolation; outside the picture the nearest edge counts. Planes are blue, green, red. */
function addPixel({ width, height, data }: Picture, x: number, y: number, to: Target): void {
  const [fromX, fromY] = [clamp(x - 0.5, width - 1), clamp(y - 0.5, height - 1)];
  const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
  const [right, down] = [fromX - left, fromY - top];
  const nextX = left + 1 < width ? 3 : 0;
  const nextY = top + 1 < height ? 3 * width : 0;
  const at = 3 * (top * width + left);
  for (let channel = 0; channel < 3; channel += 1) {
    const pixel = at + channel;
    const upper = (data[pixel] ?? 0) * (1 - right) + (data[pixel + nextX] ?? 0) * right;
    const lower =
      (data[pixel + nextY] ?? 0) * (1 - right) + (data[pixel + nextY + nextX] ?? 0) * right;
    const value = (upper * (1 - down) + lower * down) / 127.5 - 1;
    const target = (2 - channel) * to.plane + to.at;
    to.data[target] = (to.data[target] ?? 0) + value * to.weight;
  }
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}
