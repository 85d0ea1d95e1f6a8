import type { Plane } from "./plane.ts";
import { darknessOf } from "./surroundings.ts";

/** Which side of its surroundings counts as ink. */
export type Polarity = "dark" | "light";

/** Pixels of ink that touch each other. */
export type Blob = {
  readonly left: number;
  readonly top: number;
  /** Behind the last pixel. */
  readonly right: number;
  readonly bottom: number;
  readonly area: number;
  /** Mean brightness of the ink. */
  readonly ink: number;
  /** How much the ink differs from its surroundings, in brightness. */
  readonly contrast: number;
};

/** Ink between two pixels of one row. */
type Run = { readonly start: number; readonly end: number; label: number };
type Piece = { -readonly [key in keyof Blob]: Blob[key] };
type Forest = { readonly parents: number[]; readonly pieces: Piece[] };

/** How far around a pixel its surroundings reach: letters with thicker strokes look hollow. */
const reach = 26;
/** Least difference between ink and surroundings, in brightness. */
const leastContrast = 10;
const smallestArea = 12;

/** Pieces that are darker, and pieces that are lighter, than what surrounds them. */
export function findBlobs(plane: Plane): Readonly<Record<Polarity, readonly Blob[]>> {
  const darkness = darknessOf(plane, reach);
  return { dark: collect(plane, darkness, 1), light: collect(plane, darkness, -1) };
}

function collect(plane: Plane, darkness: Int16Array, sign: number): readonly Blob[] {
  const { width, height, data } = plane;
  const forest: Forest = { parents: [], pieces: [] };
  let above: readonly Run[] = [];
  for (let y = 0; y < height; y += 1) {
    const row = darkness.subarray(y * width, (y + 1) * width);
    const runs = runsOf(row, sign);
    connect(runs, above, forest);
    const pixels = data.subarray(y * width, (y + 1) * width);
    for (const run of runs) extend(forest.pieces[run.label], run, y, pixels, row);
    above = runs;
  }
  return forest.pieces
    .filter(({ area }, label) => forest.parents[label] === label && area >= smallestArea)
    .map(({ ink, contrast, area, ...box }) => ({
      ...box,
      area,
      ink: ink / area,
      contrast: (sign * contrast) / area,
    }));
}

function runsOf(row: Int16Array, sign: number): Run[] {
  const runs: Run[] = [];
  let start = -1;
  for (let x = 0; x <= row.length; x += 1) {
    const isInk = sign * (row[x] ?? 0) > leastContrast;
    if (isInk && start === -1) start = x;
    if (!isInk && start !== -1) {
      runs.push({ start, end: x, label: -1 });
      start = -1;
    }
  }
  return runs;
}

/** Gives each run the label of the runs it touches above, diagonally too, or a new one. */
function connect(runs: readonly Run[], above: readonly Run[], forest: Forest): void {
  let first = 0;
  for (const run of runs) {
    while (isBefore(above[first], run)) first += 1;
    for (let at = first; isTouching(above[at], run); at += 1) {
      const root = rootOf(forest, above[at]?.label ?? 0);
      run.label = run.label === -1 ? root : unite(forest, run.label, root);
    }
    if (run.label === -1) run.label = plant(forest);
  }
}

function isBefore(upper: Run | undefined, run: Run): boolean {
  return upper !== undefined && upper.end < run.start;
}

function isTouching(upper: Run | undefined, run: Run): boolean {
  return upper !== undefined && upper.start <= run.end;
}

function rootOf({ parents }: Forest, label: number): number {
  let root = label;
  for (
    let parent = parents[root];
    parent !== undefined && parent !== root;
    parent = parents[root]
  ) {
    parents[root] = parents[parent] ?? parent;
    root = parent;
  }
  return root;
}

function plant({ parents, pieces }: Forest): number {
  const nowhere = Number.POSITIVE_INFINITY;
  parents.push(parents.length);
  pieces.push({ left: nowhere, top: nowhere, right: 0, bottom: 0, area: 0, ink: 0, contrast: 0 });
  return parents.length - 1;
}

function unite({ parents, pieces }: Forest, into: number, from: number): number {
  if (into === from) return into;
  parents[from] = into;
  const [one, other] = [pieces[into], pieces[from]];
  if (one === undefined || other === undefined) return into;
  one.left = Math.min(one.left, other.left);
  one.top = Math.min(one.top, other.top);
  one.right = Math.max(one.right, other.right);
  one.bottom = Math.max(one.bottom, other.bottom);
  one.area += other.area;
  one.ink += other.ink;
  one.contrast += other.contrast;
  return into;
}

function extend(
  piece: Piece | undefined,
  { start, end }: Run,
  y: number,
  pixels: Uint8Array,
  darkness: Int16Array,
): void {
  if (piece === undefined) return;
  piece.left = Math.min(piece.left, start);
  piece.right = Math.max(piece.right, end);
  piece.top = Math.min(piece.top, y);
  piece.bottom = Math.max(piece.bottom, y + 1);
  piece.area += end - start;
  for (let x = start; x < end; x += 1) {
    piece.ink += pixels[x] ?? 0;
    piece.contrast += darkness[x] ?? 0;
  }
}
