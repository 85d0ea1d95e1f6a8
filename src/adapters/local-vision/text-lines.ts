import type { Blob } from "./blobs.ts";

/** A row of blobs that may be letters, in parts of the picture's width and height. */
export type TextLine = {
  readonly left: number;
  readonly right: number;
  /** Height of the row's middle at `left` and at `right`. */
  readonly startY: number;
  readonly endY: number;
  /** Height of a letter. */
  readonly letter: number;
  /** The higher, the more it looks like text. */
  readonly score: number;
};
type Size = { readonly width: number; readonly height: number };

const leastHeight = 8;
const tallest = 80;

/** Rows of blobs of one size, brightness and direction; up to about 25° to either side. */
export function findTextLines(blobs: readonly Blob[], size: Size): readonly TextLine[] {
  const letters = blobs.filter(isLetterLike).toSorted((a, b) => a.left - b.left);
  const next = letters.map((letter, index) => nearestToTheRight(letters, index, letter));
  const followers = new Set(next);
  return letters.flatMap((letter, index) => {
    if (followers.has(index)) return [];
    const row = [letter];
    for (let at = next[index]; at !== undefined; at = next[at]) {
      const follower = letters[at];
      if (follower) row.push(follower);
    }
    return describe(row, size);
  });
}

function isLetterLike({ left, right, top, bottom, area }: Blob): boolean {
  const width = right - left;
  const height = bottom - top;
  if (height < leastHeight || height > tallest || width > height * 7) return false;
  const fill = area / (width * height);
  return fill > 0.15 && (fill < 0.92 || width < height * 0.45);
}

/** Index of the next letter of the same word or line, if there is one. */
function nearestToTheRight(
  letters: readonly Blob[],
  index: number,
  letter: Blob,
): number | undefined {
  const height = letter.bottom - letter.top;
  let best: number | undefined;
  let bestGap = height * 1.5;
  for (let at = index + 1; at < letters.length; at += 1) {
    const other = letters[at];
    if (other === undefined || other.left > letter.right + bestGap) break;
    const gap = other.left - letter.right;
    if (gap < -height * 0.3 || gap >= bestGap || !isAlike(letter, other)) continue;
    best = at;
    bestGap = gap;
  }
  return best;
}

function isAlike(a: Blob, b: Blob): boolean {
  const heights = [a.bottom - a.top, b.bottom - b.top] as const;
  const small = Math.min(...heights);
  if (Math.max(...heights) > small * 1.7) return false;
  const drop = Math.abs(a.top + a.bottom - b.top - b.bottom) / 2;
  const run = (b.left + b.right - a.left - a.right) / 2;
  return drop < small * 0.3 + run * 0.3 && Math.abs(a.ink - b.ink) < 45;
}

function describe(row: readonly Blob[], size: Size): readonly TextLine[] {
  const [first] = row;
  const last = row.at(-1);
  if (first === undefined || last === undefined) return [];
  const heights = row.map(({ top, bottom }) => bottom - top).toSorted((a, b) => a - b);
  const letter = heights[Math.floor(heights.length / 2)] ?? 0;
  const width = last.right - first.left;
  if (row.length < 2 && width < letter * 1.6) return [];
  const slope = slopeOf(row);
  const middleX = mean(row.map(({ left, right }) => (left + right) / 2));
  const middleY = mean(row.map(({ top, bottom }) => (top + bottom) / 2));
  const contrast = mean(row.map((blob) => blob.contrast));
  const spread = mean(heights.map((height) => Math.abs(height - letter))) / letter;
  const count = Math.min(8, Math.max(row.length, width / letter));
  return [
    {
      left: first.left / size.width,
      right: last.right / size.width,
      startY: (middleY + slope * (first.left - middleX)) / size.height,
      endY: (middleY + slope * (last.right - middleX)) / size.height,
      letter: letter / size.height,
      score: Math.sqrt(count * contrast) * (1 - Math.min(0.8, spread * 2)) * Math.log2(letter),
    },
  ];
}

/** Median slope between all pairs: one blob that is no letter does not bend the line. */
function slopeOf(row: readonly Blob[]): number {
  const slopes = row.flatMap((a, index) =>
    row.slice(index + 1).flatMap((b) => {
      const run = (b.left + b.right - a.left - a.right) / 2;
      // Of feet and heads, whichever lies flatter: descenders and hyphens reach out at one side only.
      const drops = [b.bottom - a.bottom, b.top - a.top].toSorted(
        (x, y) => Math.abs(x) - Math.abs(y),
      );
      return run > 0 ? [(drops[0] ?? 0) / run] : [];
    }),
  );
  const sorted = slopes.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / Math.max(1, values.length);
}
