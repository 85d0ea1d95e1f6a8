// Turns the detector's map, the probability of text per pixel, into rectangles around lines. Rules as in DBNet
// (Liao et al. 2020): the map shows shrunken lines, so they are grown again.

export type Point = { readonly x: number; readonly y: number };
/** A line of text: its centre, its length and height, and its reading direction. */
export type Region = {
  readonly centre: Point;
  readonly length: number;
  readonly height: number;
  /** Clockwise from horizontal, −90° to 90°. */
  readonly radians: number;
  /** Mean of the map inside the region, 0–1. */
  readonly score: number;
};
export type TextMap = {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
};

/** Thresholds for text; `lowest` is in pixels of the map. */
export type Bar = {
  readonly leastInk: number;
  readonly leastScore: number;
  readonly lowest: number;
};
export const clear: Bar = { leastInk: 0.3, leastScore: 0.5, lowest: 3 };
export const barely: Bar = { leastInk: 0.15, leastScore: 0.2, lowest: 2 };
const growth = 1.7;

export function findRegions(
  map: TextMap,
  { leastInk, leastScore, lowest }: Bar,
): readonly Region[] {
  const seen = new Uint8Array(map.data.length);
  const regions: Region[] = [];
  for (let start = 0; start < map.data.length; start += 1) {
    if (seen[start] === 1 || (map.data[start] ?? 0) < leastInk) continue;
    const blob = collect(map, start, seen, leastInk);
    const region = blob.score < leastScore ? undefined : around(blob);
    if (region !== undefined && region.height >= lowest) regions.push(region);
  }
  return regions;
}

type Blob = { readonly outline: readonly Point[]; readonly score: number };

/** The connected pixels around `start`; only both ends of each row matter for the outline. */
function collect(
  { data, width, height }: TextMap,
  start: number,
  seen: Uint8Array,
  leastInk: number,
): Blob {
  const ends = new Map<number, { left: number; right: number }>();
  const open = [start];
  seen[start] = 1;
  let [sum, count] = [0, 0];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const x = at % width;
    const y = (at - x) / width;
    sum += data[at] ?? 0;
    count += 1;
    const row = ends.get(y);
    if (row === undefined) ends.set(y, { left: x, right: x });
    else [row.left, row.right] = [Math.min(row.left, x), Math.max(row.right, x)];
    for (let down = Math.max(0, y - 1); down <= Math.min(height - 1, y + 1); down += 1) {
      for (let across = Math.max(0, x - 1); across <= Math.min(width - 1, x + 1); across += 1) {
        const next = down * width + across;
        if (seen[next] === 1 || (data[next] ?? 0) < leastInk) continue;
        seen[next] = 1;
        open.push(next);
      }
    }
  }
  const outline = [...ends].flatMap(([y, { left, right }]) => [
    { x: left, y },
    { x: right + 1, y },
    { x: left, y: y + 1 },
    { x: right + 1, y: y + 1 },
  ]);
  return { outline, score: sum / count };
}

/** The minimum-area rectangle around the outline, grown by the ratio of its area to its perimeter. */
function around({ outline, score }: Blob): Region | undefined {
  const hull = convexHull(outline);
  const [best] = hull
    .map((point, index) => {
      const next = hull[(index + 1) % hull.length] ?? point;
      return boundsAlong(hull, Math.atan2(next.y - point.y, next.x - point.x));
    })
    .toSorted((a, b) => a.length * a.height - b.length * b.height);
  if (best === undefined) return undefined;
  const { centre, length, height, radians } = best;
  const grown = (length * height * growth) / (2 * (length + height));
  const level = readingDirection({ length, height, radians });
  return {
    centre,
    length: level.length + 2 * grown,
    height: level.height + 2 * grown,
    radians: level.radians,
    score,
  };
}

function boundsAlong(hull: readonly Point[], radians: number) {
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  const along = hull.map(({ x, y }) => x * cos + y * sin);
  const across = hull.map(({ x, y }) => y * cos - x * sin);
  const [left, right] = [Math.min(...along), Math.max(...along)];
  const [top, bottom] = [Math.min(...across), Math.max(...across)];
  const [middle, depth] = [(left + right) / 2, (top + bottom) / 2];
  const centre = { x: middle * cos - depth * sin, y: middle * sin + depth * cos };
  return { centre, length: right - left, height: bottom - top, radians };
}

type Sides = Pick<Region, "length" | "height" | "radians">;

/** Along the longer side; a nearly square region is read horizontally. */
function readingDirection({ length, height, radians }: Sides): Sides {
  const turnedBy = Math.atan(Math.tan(radians)); // −90° to 90°
  const isAcross =
    Math.max(length, height) < 1.3 * Math.min(length, height)
      ? Math.abs(turnedBy) > Math.PI / 4
      : height > length;
  if (!isAcross) return { length, height, radians: turnedBy };
  return {
    length: height,
    height: length,
    radians: turnedBy > 0 ? turnedBy - Math.PI / 2 : turnedBy + Math.PI / 2,
  };
}

/** Andrew's monotone chain. */
function convexHull(points: readonly Point[]): readonly Point[] {
  const sorted = points.toSorted((a, b) => a.x - b.x || a.y - b.y);
  const half = (from: readonly Point[]) => {
    const chain: Point[] = [];
    for (const point of from) {
      while (chain.length >= 2 && !turnsLeft(chain.at(-2), chain.at(-1), point)) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.toReversed())];
}

function turnsLeft(a: Point | undefined, b: Point | undefined, c: Point): boolean {
  if (a === undefined || b === undefined) return true;
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) > 0;
}
