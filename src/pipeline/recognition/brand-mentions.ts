import { type Brand, catalogue, spellings } from "./catalogue.ts";
import type { Line, Word } from "./lines.ts";
import { isDealer, isForeignWord } from "./vocabulary.ts";

// Where a brand's name stands, and how sure the spelling makes it.

export type BrandMention = {
  readonly brand: Brand;
  readonly words: readonly Word[];
  /** Reading and rule together, 0–1. */
  readonly strength: number;
  readonly how: string;
  /** What follows the name in the same word ("CAT930G"), or "". */
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

/** Longest run of words first, so that "NEW HOLLAND CONSTRUCTION" is one name. */
function mentionAt(line: Line, start: number): BrandMention | null {
  const spaced = spacedLetters(line, start);
  const counts = [spaced, 3, 2, 1].filter((count) => count > 0 && start + count <= line.length);
  for (const count of counts) {
    const words = line.slice(start, start + count);
    const letters = lettersOf(words);
    const spelt =
      exactly(letters) ?? withDigitsAsLetters(letters) ?? almost(letters) ?? cutOff(letters);
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
  const isEveryday = spelt.brand.everydayWords.includes(spelt.letters);
  if (isEveryday && hasForeignWord(line, 0.5)) return null;
  const strength = confidence * spelt.rule * (isEveryday ? 0.95 : 1);
  return { brand: spelt.brand, words, strength, how: spelt.how, rest };
}

/** Brands' names that clearly are words of a sentence here: "IN CASE OF FIRE". */
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

/** How many single letters stand in a row from `start` on: "K O M A T S U". */
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
  return match && { ...match, rule: 0.85, how: "brand name, digits read for letters" };
}

function almost(letters: string): Spelt | null {
  if (letters.length < 5) return null;
  const near = known.filter(
    (name) => name.letters.length >= 6 && isOneEditApart(name.letters, letters),
  );
  const [nearest] = near;
  if (nearest === undefined || near.some(({ brand }) => brand !== nearest.brand)) return null;
  return { ...nearest, rule: 0.75, how: "brand name, one letter off" };
}

/** The beginning or the end of one long name, most of it: "OSAN" behind a ladder. */
function cutOff(letters: string): Spelt | null {
  if (!/^\p{L}{4,}$/u.test(letters)) return null;
  const parts = known.filter(
    (name) =>
      name.letters.length >= 6 &&
      letters.length >= 0.6 * name.letters.length &&
      (name.letters.startsWith(letters) || name.letters.endsWith(letters)),
  );
  const [part] = parts;
  if (part === undefined || parts.some(({ brand }) => brand !== part.brand)) return null;
  return { ...part, rule: 0.55, how: "brand name, cut off" };
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

/** Whether one insertion, deletion or replacement makes `a` into `b`. */
function isOneEditApart(a: string, b: string): boolean {
  if (a.length < b.length) return isOneEditApart(b, a);
  if (a.length - b.length > 1 || a === b) return false;
  let index = 0;
  while (index < b.length && a[index] === b[index]) index += 1;
  const rest = a.length === b.length ? b.slice(index + 1) : b.slice(index);
  return a.slice(index + 1) === rest;
}
