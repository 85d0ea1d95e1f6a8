import type { ImageHeader } from "../../pipeline/ports/images.ts";
import type { ReadText } from "../../pipeline/ports/vision.ts";
import type { Page, Polygon, Vertex } from "./answer.ts";

type Box = ReadText["box"];
/** The frame of reference of an answer's coordinates. */
export type Frame = {
  readonly width: number;
  readonly height: number;
  /** The EXIF orientation still to be applied; 1 if the coordinates are upright already. */
  readonly orientation: number;
};

/** From the stored picture to the upright one, by EXIF orientation; both 0–1. */
const turns: readonly ((vertex: Vertex) => Vertex)[] = [
  ({ x, y }) => ({ x, y }),
  ({ x, y }) => ({ x: 1 - x, y }),
  ({ x, y }) => ({ x: 1 - x, y: 1 - y }),
  ({ x, y }) => ({ x, y: 1 - y }),
  ({ x, y }) => ({ x: y, y: x }),
  ({ x, y }) => ({ x: 1 - y, y: x }),
  ({ x, y }) => ({ x: 1 - y, y: 1 - x }),
  ({ x, y }) => ({ x: y, y: 1 - x }),
];

/**
 * It is undocumented whether the service applies the EXIF orientation before it measures, so the answer itself
 * decides: by the shape of its page, then by the direction of its words. One that has neither is assumed to be
 * upright.
 */
export function frameOf(
  { height, orientation, width }: ImageHeader,
  page: Page | undefined,
  words: readonly Polygon[],
): Frame {
  const isStored = orientation !== 1 && isAsStored({ width, height, orientation }, page, words);
  const isTurned = !isStored && isSideways(orientation);
  const size = isTurned ? { width: height, height: width } : { width, height };
  const measured = hasSize(page) ? { width: page.width, height: page.height } : size;
  return { ...measured, orientation: isStored ? orientation : 1 };
}

/** The smallest upright box around a polygon, in 0–1; null for a polygon without corners. */
export function uprightBox(polygon: Polygon, frame: Frame): Box | null {
  const corners = partsOf(polygon, frame).map(turns[frame.orientation - 1] ?? ((same) => same));
  if (corners.length === 0) return null;
  const xs = corners.map(({ x }) => within(x));
  const ys = corners.map(({ y }) => within(y));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function isAsStored(stored: Frame, page: Page | undefined, words: readonly Polygon[]): boolean {
  if (isSideways(stored.orientation) && hasSize(page) && stored.width !== stored.height) {
    return page.width > page.height === stored.width > stored.height;
  }
  return words.length > 0 && !areLevel(words);
}

/** Whether the words run from left to right in these coordinates. Corners begin at the first letter. */
function areLevel(words: readonly Polygon[]): boolean {
  const runs = words.map(({ vertices: [from, to] }) => ({
    x: (to?.x ?? 0) - (from?.x ?? 0),
    y: (to?.y ?? 0) - (from?.y ?? 0),
  }));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return sum(runs.map(({ x }) => x)) >= Math.abs(sum(runs.map(({ y }) => y)));
}

function partsOf({ normalizedVertices, vertices }: Polygon, frame: Frame): readonly Vertex[] {
  if (normalizedVertices.length > 0) return normalizedVertices;
  return vertices.map(({ x, y }) => ({ x: x / frame.width, y: y / frame.height }));
}

function hasSize(page: Page | undefined): page is Page {
  return page !== undefined && page.width > 0 && page.height > 0;
}

/** Orientations 5 to 8 swap width and height. */
function isSideways(orientation: number): boolean {
  return orientation >= 5;
}

function within(part: number): number {
  return Math.min(1, Math.max(0, part));
}
