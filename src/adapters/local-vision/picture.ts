import type { Sharp } from "sharp";
import type { Picture } from "../../pipeline/scene-text/picture.ts";
import type { TextNetworks } from "../../pipeline/scene-text/text-networks.ts";

/** Finer detail than this costs memory and shows nothing more. */
const longestSide = 4_096;

/** Throws what the decoder throws; a picture that ends early is taken as far as it goes. */
export async function loadUpright(image: Uint8Array): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false); // every picture is another one
  const upright = sharp(image, { failOn: "none", limitInputPixels: 50_000_000 })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .resize({ width: longestSide, height: longestSide, fit: "inside", withoutEnlargement: true });
  return pixelsOf(upright);
}

export const render: TextNetworks["render"] = async (picture, part, { degrees, width, height }) => {
  const level = (await open(picture)).extract(part).resize({ width, height, fit: "fill" });
  if (degrees === 0) return pixelsOf(level);
  const turned = (await open(await pixelsOf(level))).rotate(degrees, { background: "#808080" });
  return pixelsOf(turned);
};

async function open({ data, width, height }: Picture): Promise<Sharp> {
  const { default: sharp } = await import("sharp");
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function pixelsOf(from: Sharp): Promise<Picture> {
  const raw = from.removeAlpha().raw({ depth: "uchar" });
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
