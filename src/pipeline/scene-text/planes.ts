import type { Picture } from "./picture.ts";

/** The detector's input: three consecutive planes. */
export type Planes = {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
};

// As in training.
const mean = [0.485, 0.456, 0.406] as const;
const deviation = [0.229, 0.224, 0.225] as const;

/** The normalised value of each of the 256 levels, in blue, green and red. */
const levels = mean.map((middle, channel) =>
  Float32Array.from(
    { length: 256 },
    (_, value) => (value / 255 - middle) / (deviation[channel] ?? 1),
  ),
);

/** Normalised planes of blue, green and red, padded with black to a size that the detector accepts. */
export function planesOf(picture: Picture): Planes {
  const [width, height] = [toGrid(picture.width), toGrid(picture.height)];
  const data = new Float32Array(3 * width * height);
  for (const [channel, level] of levels.entries()) {
    data.fill(level[0] ?? 0, channel * width * height, (channel + 1) * width * height);
    for (let y = 0; y < picture.height; y += 1) {
      const to = (channel * height + y) * width;
      const from = 3 * y * picture.width + 2 - channel;
      for (let x = 0; x < picture.width; x += 1) {
        data[to + x] = level[picture.data[from + 3 * x] ?? 0] ?? 0;
      }
    }
  }
  return { width, height, data };
}

/** The detector halves its input five times. */
function toGrid(pixels: number): number {
  return Math.ceil(pixels / 32) * 32;
}
