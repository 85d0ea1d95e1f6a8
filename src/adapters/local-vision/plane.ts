import type { Sharp } from "sharp";

/** One brightness per pixel, row by row. */
export type Plane = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
};
/** What is looked at as brightness: all light, or blue alone, in which yellow paint is dark. */
export type Channel = "grey" | "blue";

/** The picture upright and without transparency, at most `longestSide` pixels long. */
export async function loadUpright(image: Uint8Array, longestSide: number): Promise<Sharp> {
  const { default: sharp } = await import("sharp");
  const upright = await sharp(image, { failOn: "none", limitInputPixels: 50_000_000 })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .resize({ width: longestSide, height: longestSide, fit: "inside", withoutEnlargement: true })
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = upright.info;
  return sharp(upright.data, { raw: { width, height, channels } });
}

/** `longestSide` is not exceeded; a smaller picture stays as it is. */
export async function planeOf(
  upright: Sharp,
  channel: Channel,
  longestSide: number,
): Promise<Plane> {
  const one = upright.clone().resize({
    width: longestSide,
    height: longestSide,
    fit: "inside",
    withoutEnlargement: true,
  });
  const plane =
    channel === "grey" ? one.grayscale().toColourspace("b-w") : one.extractChannel("blue");
  const { data, info } = await plane.raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Between pixels by weighing the four around; outside the nearest edge counts. */
export function brightnessAt({ width, height, data }: Plane, x: number, y: number): number {
  const left = Math.min(width - 2, Math.max(0, Math.floor(x)));
  const top = Math.min(height - 2, Math.max(0, Math.floor(y)));
  const right = Math.min(1, Math.max(0, x - left));
  const down = Math.min(1, Math.max(0, y - top));
  const at = top * width + left;
  const upper = (data[at] ?? 0) * (1 - right) + (data[at + 1] ?? 0) * right;
  const lower = (data[at + width] ?? 0) * (1 - right) + (data[at + width + 1] ?? 0) * right;
  return upper * (1 - down) + lower * down;
}
