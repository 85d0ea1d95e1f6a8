import type { Picture } from "./picture.ts";
import type { Point, Region } from "./regions.ts";
import type { PixelPart, TextNetworks } from "./text-networks.ts";

/** A part of the picture, in fractions of its width and height. */
export type Part = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};
export type Window = {
  readonly part: Part;
  /** The length of the part's longer side, in pixels. */
  readonly side: number;
  /** Clockwise rotation. */
  readonly degrees: number;
};
/** What a window shows, and the mapping back to the picture's pixels. */
export type View = {
  readonly pixels: Picture;
  readonly toPicture: (point: Point) => Point;
  /** Whether a line touches an edge beyond which the picture continues; another view shows it whole. */
  readonly isCutOff: (line: Region) => boolean;
};

/** Bounds the networks' memory and time; a square view gets as many pixels as an elongated one. */
const mostPixels = 960 * 720;
/** Enlarging further adds no detail. */
const largest = 4;

export async function viewOf(
  picture: Picture,
  window: Window,
  networks: TextNetworks,
): Promise<View> {
  const part = pixelsOf(window.part, picture);
  const scale = Math.min(
    largest,
    window.side / Math.max(part.width, part.height),
    Math.sqrt(mostPixels / (part.width * part.height)),
  );
  const size = { width: atLeastOne(part.width * scale), height: atLeastOne(part.height * scale) };
  const { degrees } = window;
  const pixels = await networks.render(picture, part, { ...size, degrees });
  const edges = degrees === 0 ? edgesWithin(part, picture) : [];
  return {
    pixels,
    toPicture: backFrom(pixels, size, part, degrees),
    isCutOff: (line) => edges.some((edge) => reaches(line, edge, pixels)),
  };
}

function pixelsOf(part: Part, picture: Picture): PixelPart {
  const left = Math.round(part.left * picture.width);
  const top = Math.round(part.top * picture.height);
  return {
    left,
    top,
    width: Math.min(picture.width - left, atLeastOne(part.width * picture.width)),
    height: Math.min(picture.height - top, atLeastOne(part.height * picture.height)),
  };
}

function atLeastOne(pixels: number): number {
  return Math.max(1, Math.round(pixels));
}

type Size = { readonly width: number; readonly height: number };

function backFrom(pixels: Size, level: Size, part: PixelPart, degrees: number): View["toPicture"] {
  const radians = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  return ({ x, y }) => {
    const [across, down] = [x - pixels.width / 2, y - pixels.height / 2];
    return {
      x: part.left + ((across * cos + down * sin + level.width / 2) * part.width) / level.width,
      y: part.top + ((down * cos - across * sin + level.height / 2) * part.height) / level.height,
    };
  };
}

type Edge = "left" | "top" | "right" | "bottom";

/** Edges of the part that are not edges of the picture. */
function edgesWithin(part: PixelPart, picture: Size): readonly Edge[] {
  return [
    ...(part.left > 0 ? (["left"] as const) : []),
    ...(part.top > 0 ? (["top"] as const) : []),
    ...(part.left + part.width < picture.width ? (["right"] as const) : []),
    ...(part.top + part.height < picture.height ? (["bottom"] as const) : []),
  ];
}

/** A region is slightly larger than its line: that much may lie outside. */
const surround = 0.25;

function reaches({ centre, length, height, radians }: Region, edge: Edge, size: Size): boolean {
  const [cos, sin] = [Math.abs(Math.cos(radians)), Math.abs(Math.sin(radians))];
  const across = (length * cos + height * sin) / 2 - surround * height;
  const down = (length * sin + height * cos) / 2 - surround * height;
  if (edge === "left") return centre.x - across < 1;
  if (edge === "top") return centre.y - down < 1;
  if (edge === "right") return centre.x + across > size.width - 1;
  return centre.y + down > size.height - 1;
}
