import type { Sharp } from "sharp";

/** Upright RGB pixels, row by row. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
};

/** Finer detail than this costs memory and shows nothing more. */
const longestSide = 4_096;

/** Throws what the decoder throws; a picture that ends early is taken as far as it goes. */
export async function loadUpright(image: Uint8Array): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  const upright = sharp(image, { failOn: "none", limitInputPixels: 50_000_000 })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .resize({ width: longestSide, height: longestSide, fit: "inside", withoutEnlargement: true });
  return toPicture(upright);
}

/** Clockwise; the corners become grey. */
export async function turned(level: Sharp, degrees: number): Promise<Sharp> {
  const { default: sharp } = await import("sharp");
  const { width, height, data } = await toPicture(level);
  return sharp(data, { raw: { width, height, channels: 3 } }).rotate(degrees, {
    background: "#808080",
  });
}

export async function toPicture(from: Sharp): Promise<Picture> {
  const { data, info } = await from
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
