import type { ReadText } from "../ports/vision.ts";

/** One word as read. */
export type Word = ReadText & {
  /** Upper case, plain hyphens, without surrounding punctuation. */
  readonly plain: string;
  /** The text that it is part of. */
  readonly source: ReadText;
};
/** Adjacent words at one height, from left to right, of one preparation. */
export type Line = readonly Word[];

/** Joins words that were read separately into lines. The order of `texts` does not matter. */
export function toLines(texts: readonly ReadText[]): readonly Line[] {
  const words = texts.flatMap(toWords).toSorted(byPosition);
  const lines: Word[][] = [];
  for (const word of words) {
    const line = lines.find((candidate) => continues(candidate, word));
    if (line === undefined) lines.push([word]);
    else line.push(word);
  }
  return lines;
}

export function heightOf(words: readonly Word[]): number {
  return Math.max(...words.map((word) => word.box.height));
}

export function textOf(words: readonly Word[]): string {
  return words.map((word) => word.text).join(" ");
}

/** Their bounding box. */
export function boxAround(words: readonly Word[]): ReadText["box"] {
  const x = Math.min(...words.map(({ box }) => box.x));
  const y = Math.min(...words.map(({ box }) => box.y));
  return {
    x,
    y,
    width: Math.max(...words.map(({ box }) => box.x + box.width)) - x,
    height: Math.max(...words.map(({ box }) => box.y + box.height)) - y,
  };
}

/** Words of one reading share its box in proportion to their letters. */
function toWords(read: ReadText): readonly Word[] {
  const rows = read.text.split(/[\r\n]+/).filter((row) => row.trim() !== "");
  return rows.flatMap((row, index) => {
    const height = read.box.height / rows.length;
    const box = { ...read.box, y: read.box.y + index * height, height };
    return [...row.matchAll(/\S+/g)]
      .map((match) => ({
        text: match[0],
        plain: plainOf(match[0]),
        confidence: Math.min(1, Math.max(0, read.confidence)),
        box: partOf(box, match.index / row.length, match[0].length / row.length),
        preparation: read.preparation,
        source: read,
      }))
      .filter((word) => word.plain !== "");
  });
}

function partOf(box: ReadText["box"], start: number, share: number): ReadText["box"] {
  return { ...box, x: box.x + start * box.width, width: share * box.width };
}

function plainOf(text: string): string {
  return text
    .toUpperCase()
    .replace(/[‐-―−]/g, "-")
    .replace(/^(?!-\d)[^\p{L}\p{N}#@+]+/u, "")
    .replace(/[^\p{L}\p{N}+]+$/u, "");
}

function byPosition(a: Word, b: Word): number {
  return (
    compare(a.preparation, b.preparation) ||
    a.box.x - b.box.x ||
    a.box.y - b.box.y ||
    compare(a.text, b.text) ||
    a.confidence - b.confidence ||
    a.box.width - b.box.width ||
    a.box.height - b.box.height
  );
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function continues(line: readonly Word[], word: Word): boolean {
  const last = line.at(-1);
  if (last === undefined || last.preparation !== word.preparation) return false;
  const small = Math.min(last.box.height, word.box.height);
  const large = Math.max(last.box.height, word.box.height);
  const gap = word.box.x - (last.box.x + last.box.width);
  const drop = Math.abs(middleOf(last) - middleOf(word));
  return large <= small * 2.2 && drop < small * 0.6 && gap < large * 2 && gap > -large * 0.6;
}

/** Whether `right` follows `left` by at most one letter. */
export function isBeside(left: Word, right: Word): boolean {
  const gap = right.box.x - (left.box.x + left.box.width);
  return continues([left], right) && gap < Math.max(left.box.height, right.box.height);
}

function middleOf({ box }: Word): number {
  return box.y + box.height / 2;
}
