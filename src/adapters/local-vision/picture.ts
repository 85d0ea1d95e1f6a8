import type { Sharp } from "sharp";

/** Upright RGB pixels, row by row. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
};
export type Point = { readonly x: number; readonly y: number };
/** A part of the picture, in parts of its width and height. */
export type Part = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};
/** A part of the picture at another size and turned, and the way back to the picture's pixels. */
export type View = { readonly pixels: Picture; readonly toPicture: (point: Point) => Point };

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

/** `side` is how many pixels the longer side of the part gets, before it is turned clockwise. */
export async function viewOf(
  picture: Picture,
  part: Part,
  { side, degrees }: { readonly side: number; readonly degrees: number },
): Promise<View> {
  const { default: sharp } = await import("sharp");
  const left = Math.round(part.left * picture.width);
  const top = Math.round(part.top * picture.height);
  const width = Math.max(1, Math.min(picture.width - left, Math.round(part.width * picture.width)));
  const height = Math.max(
    1,
    Math.min(picture.height - top, Math.round(part.height * picture.height)),
  );
  const scale = side / Math.max(width, height);
  const size = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  const level = sharp(picture.data, {
    raw: { width: picture.width, height: picture.height, channels: 3 },
  })
    .extract({ left, top, width, height })
    .resize({ ...size, fit: "fill" });
  const pixels = await (degrees === 0 ? toPicture(level) : toPicture(await turned(level, degrees)));
  const radians = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  return {
    pixels,
    toPicture({ x, y }) {
      const [across, down] = [x - pixels.width / 2, y - pixels.height / 2];
      return {
        x: left + ((across * cos + down * sin + size.width / 2) * width) / size.width,
        y: top + ((down * cos - across * sin + size.height / 2) * height) / size.height,
      };
    },
  };
}

async function turned(level: Sharp, degrees: number): Promise<Sharp> {
  const { default: sharp } = await import("sharp");
  const { width, height, data } = await toPicture(level);
  return sharp(data, { raw: { width, height, channels: 3 } }).rotate(degrees, {
    background: "#808080",
  });
}

async function toPicture(from: Sharp): Promise<Picture> {
  const { data, info } = await from
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
