import type { CreateRaw, OutputInfo, Sharp } from "sharp";
import type { ReadText } from "../../pipeline/ports.ts";

type Point = { readonly x: number; readonly y: number };
type Box = ReadText["box"];

/** The picture turned about its middle, and the way back. */
export type Turned = {
  readonly picture: Sharp;
  /**
   * A word's box, in parts of the turned picture, as parts of the upright one. `centre` is the middle of
   * the word's line: the line is put level about it, so that its words stay beside each other.
   */
  readonly levelBox: (box: Box, centre: Point) => Box;
};

/** Turned pictures are for large lettering; more pixels cost time and show nothing more. */
const longestSide = 1_600;

export async function turnPicture(upright: Sharp, degrees: number): Promise<Turned> {
  if (degrees === 0) return { picture: upright, levelBox: (box) => box };
  const { default: sharp } = await import("sharp");
  const size = { width: longestSide, height: longestSide, fit: "inside" } as const;
  const small = await toPixels(upright.clone().resize({ ...size, withoutEnlargement: true }));
  const level = sharp(small.data, { raw: rawOf(small.info) });
  const turned = await toPixels(level.rotate(degrees, { background: "#808080" }));
  const [from, to] = [small.info, turned.info];
  const radians = (degrees * Math.PI) / 180;
  return {
    picture: sharp(turned.data, { raw: rawOf(turned.info) }),
    levelBox(box, centre) {
      const [x, y] = [(centre.x - 0.5) * to.width, (centre.y - 0.5) * to.height];
      const back = {
        x: x * Math.cos(radians) + y * Math.sin(radians) + from.width / 2,
        y: y * Math.cos(radians) - x * Math.sin(radians) + from.height / 2,
      };
      const left = clamp((back.x + (box.x - centre.x) * to.width) / from.width);
      const top = clamp((back.y + (box.y - centre.y) * to.height) / from.height);
      return {
        x: left,
        y: top,
        width: Math.min(1 - left, (box.width * to.width) / from.width),
        height: Math.min(1 - top, (box.height * to.height) / from.height),
      };
    },
  };
}

function toPixels(picture: Sharp): Promise<{ data: Buffer; info: OutputInfo }> {
  return picture.raw().toBuffer({ resolveWithObject: true });
}

function rawOf({ width, height, channels }: OutputInfo): CreateRaw {
  return { width, height, channels };
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part));
}
