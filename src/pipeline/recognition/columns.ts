import { compare, type Line, type Word } from "./lines.ts";

// Stacked lettering: "PC" over "210" over "LC".

const longest = 4;

/** Words of one preparation closely below each other, each column from top to bottom. */
export function toColumns(lines: readonly Line[]): readonly Line[] {
  const words = lines
    .flat()
    .toSorted((a, b) => a.box.y - b.box.y || a.box.x - b.box.x || compare(a.text, b.text));
  const below = new Map(
    words.flatMap((word) => {
      const next = words.find((other) => stands(other, word));
      return next === undefined ? [] : [[word, next] as const];
    }),
  );
  const followers = new Set(below.values());
  return words
    .filter((word) => below.has(word) && !followers.has(word))
    .map((top) => downFrom(top, below));
}

function downFrom(top: Word, below: ReadonlyMap<Word, Word>): Line {
  const column = [top];
  for (let next = below.get(top); next !== undefined; next = below.get(next)) {
    if (column.length === longest || column.includes(next)) break;
    column.push(next);
  }
  return column;
}

/** Whether `lower` is directly below `upper` and continues letters with digits, or vice versa. */
function stands(lower: Word, upper: Word): boolean {
  if (lower.preparation !== upper.preparation || !isBelow(lower, upper)) return false;
  const joint = (upper.plain.at(-1) ?? "") + (lower.plain[0] ?? "");
  const changesKind = /^(?:[A-Z]\d|\d[A-Z-])$/.test(joint);
  return changesKind && upper.plain.length <= 5 && lower.plain.length <= 6;
}

export function isBelow(lower: Word, upper: Word): boolean {
  const [above, under] = [upper.box, lower.box];
  const small = Math.min(above.height, under.height);
  if (lower === upper || Math.max(above.height, under.height) > 3 * small) return false;
  const drop = under.y + under.height / 2 - (above.y + above.height / 2);
  const reach = (above.height + under.height) / 2;
  const shared =
    Math.min(above.x + above.width, under.x + under.width) - Math.max(above.x, under.x);
  return (
    drop > 0.35 * reach && drop < 1.5 * reach && shared > 0.4 * Math.min(above.width, under.width)
  );
}
