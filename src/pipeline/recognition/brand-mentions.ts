import { type Brand, catalogue, spellings } from "./catalogue.ts";
import type { Line, Word } from "./lines.ts";
import { isDealer, isEngineWord, isForeignWord, isWordOfItsOwn } from "./vocabulary.ts";

// Finds brand names, and rates them by spelling.

export type BrandMention = {
  readonly brand: Brand;
  readonly words: readonly Word[];
  /** Reading times rule, 0–1. */
  readonly strength: number;
  readonly how: string;
  /** Whatever follows the name in the same word ("CAT930G"), or "". */
  readonly rest: string;
};

type Spelt = {
  readonly brand: Brand;
  /** The name without spaces and dots. */
  readonly letters: string;
  readonly rule: number;
  readonly how: string;
};

const letterFor: Readonly<Record<string, string>> = {
  "0": "O",
  "1": "I",
  "2": "Z",
  "4": "A",
  "5": "S",
  "6": "G",
  "8": "B",
  "|": "I",
};
const leastConfidence = 0.35;

const known = catalogue.flatMap((brand) =>
  spellings(brand).map((spelling) => ({ brand, letters: spelling.replace(/[^A-Z0-9]/g, "") })),
);
/** Long enough to be recognised with one wrong character. */
const longNames = known.filter(({ letters }) => letters.length >= 6);

export function findBrands(line: Line): readonly BrandMention[] {
  const found: BrandMention[] = [];
  let start = 0;
  while (start < line.length) {
    const mention = mentionAt(line, start);
    if (mention !== null) found.push(mention);
    start += mention?.words.length ?? 1;
  }
  return found;
}

/** The longest run of words first, so that "NEW HOLLAND CONSTRUCTION" is one name. */
function mentionAt(line: Line, start: number): BrandMention | null {
  const spaced = spacedLetters(line, start);
  const counts = [spaced, 3, 2, 1].filter((count) => count > 0 && start + count <= line.length);
  for (const count of counts) {
    const words = line.slice(start, start + count);
    const letters = lettersOf(words);
    const spelt =
      exactly(letters) ??
      withDigitsAsLetters(letters) ??
      almost(letters) ??
      cutOff(letters) ??
      runOn(letters);
    const mention = spelt && judge(line, words, spelt, "");
    if (mention) return mention;
  }
  return joinedWithModel(line, start);
}

function judge(
  line: Line,
  words: readonly Word[],
  spelt: Spelt,
  rest: string,
): BrandMention | null {
  const confidence = Math.min(...words.map((word) => word.confidence));
  if (confidence < leastConfidence) return null;
  if (line.some(({ plain }) => isEngineWord(plain))) return null;
  const isEveryday = spelt.brand.everydayWords.includes(spelt.letters);
  if (isEveryday && hasForeignWord(line, 0.5)) return null;
  const strength = confidence * spelt.rule * (isEveryday ? 0.95 : 1);
  return { brand: spelt.brand, words, strength, how: spelt.how, rest };
}

/** Brand names that are clearly words of a sentence: "IN CASE OF FIRE". */
export function findWordsOfSentences(line: Line): readonly (readonly Word[])[] {
  if (!hasForeignWord(line, 0.85)) return [];
  return line
    .filter(({ plain }) => catalogue.some(({ everydayWords }) => everydayWords.includes(plain)))
    .map((word) => [word]);
}

function hasForeignWord(line: Line, leastSure: number): boolean {
  return line.some(
    (word) => word.confidence >= leastSure && isForeignWord(word) && !isDealer(word.plain),
  );
}

/** The number of consecutive single letters from `start` on: "K O M A T S U". */
function spacedLetters(line: Line, start: number): number {
  const end = line.slice(start).findIndex(({ plain }) => plain.length !== 1);
  const count = end === -1 ? line.length - start : end;
  return count >= 3 ? count : 0;
}

function exactly(letters: string): Spelt | null {
  const match = known.find((name) => name.letters === letters);
  return match ? { ...match, rule: 1, how: "brand name" } : null;
}

function withDigitsAsLetters(letters: string): Spelt | null {
  if (letters.length < 5 || !/\d/.test(letters)) return null;
  const match = exactly(letters.replace(/\d/g, (digit) => letterFor[digit] ?? digit));
  return match && { ...match, rule: 0.85, how: "brand name, digits in place of letters" };
}

/** One wrong character, or two in a name of at least eight letters. */
function almost(letters: string): Spelt | null {
  if (letters.length < 5) return null;
  const near = longNames.flatMap((name) => {
    const most = name.letters.length >= 8 ? 2 : 1;
    const edits = editsApart(name.letters, letters, most);
    return edits > 0 && edits <= most ? [{ name, edits }] : [];
  });
  const fewest = Math.min(...near.map(({ edits }) => edits));
  const nearest = near.filter(({ edits }) => edits === fewest).map(({ name }) => name);
  const [first] = nearest;
  if (first === undefined || nearest.some(({ brand }) => brand !== first.brand)) return null;
  return fewest === 1
    ? { ...first, rule: 0.75, how: "brand name, one letter off" }
    : { ...first, rule: 0.55, how: "brand name, two letters off" };
}

/** Most of one long name, its beginning or its end: "OSAN" behind a ladder. */
function cutOff(letters: string): Spelt | null {
  if (!/^\p{L}{4,}$/u.test(letters) || isWordOfItsOwn(letters)) return null;
  const parts = known.filter(
    (name) =>
      name.letters.length >= 6 &&
      letters.length >= 0.6 * name.letters.length &&
      (name.letters.startsWith(letters) || name.letters.endsWith(letters)),
  );
  const [part] = parts;
  if (part === undefined || parts.some(({ brand }) => brand !== part.brand)) return null;
  return { ...part, rule: 0.55, how: "brand name, truncated" };
}

/** One long name with stray characters before or after it: "LONKINGP". */
function runOn(letters: string): Spelt | null {
  if (!/^\p{L}+$/u.test(letters)) return null;
  const within = known.filter(
    (name) =>
      name.letters.length >= 7 &&
      (letters.startsWith(name.letters) || letters.endsWith(name.letters)) &&
      letters.length <= 2 * name.letters.length,
  );
  const [first] = within;
  if (first === undefined || within.some(({ brand }) => brand !== first.brand)) return null;
  return { ...first, rule: 0.7, how: "brand name, merged with other letters" };
}

function joinedWithModel(line: Line, start: number): BrandMention | null {
  const word = line[start];
  if (word === undefined) return null;
  const match = known.find(({ letters }) => word.plain.startsWith(letters));
  const rest = word.plain.slice(match?.letters.length).replace(/^-/, "");
  if (match === undefined || !/\d/.test(rest)) return null;
  const spelt = { ...match, rule: 0.9, how: "brand name, joined with a model" };
  return judge(line, [word], spelt, rest);
}

function lettersOf(words: readonly Word[]): string {
  return words.map(({ plain }) => plain.replace(/[^\p{L}\p{N}|]/gu, "")).join("");
}

/** Levenshtein distance of `a` and `b`; anything above `most` counts as `most + 1`. */
function editsApart(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, sign] of [...a].entries()) {
    const next = [index + 1];
    let least = index + 1;
    for (let at = 0; at < b.length; at += 1) {
      const replaced = (row[at] ?? 0) + Number(sign !== b[at]);
      const edits = Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1);
      least = Math.min(least, edits);
      next.push(edits);
    }
    // No later row is lower, and nearly all words are far from all names.
    if (least > most) return most + 1;
    row = next;
  }
  return Math.min(most + 1, row.at(-1) ?? 0);
}
