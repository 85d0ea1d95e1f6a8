import { counted } from "../counted.ts";
import { type Brand, brandsWithModel, type Series, seriesOf, spellModel } from "./catalogue.ts";
import type { Line, Word } from "./lines.ts";
import { compactOf, isWithin, type Noise } from "./noise.ts";

// Finds texts that match a brand's models.

export type ModelMention = {
  readonly brand: Brand;
  readonly model: string;
  readonly types: readonly Series["type"][];
  readonly words: readonly Word[];
  /** Reading times rule, 0–1. */
  readonly strength: number;
  readonly how: string;
  /** Nothing was replaced. */
  readonly isExact: boolean;
  /** Why it may be incomplete or wrong, if so (doubts.ts). */
  readonly doubt: string | null;
};

type Reading = { readonly compact: string; readonly changes: number };

const longestModel = 16;
const leastConfidence = 0.3;

/** Letters and digits that look alike, in both directions. */
const lookalikes: Readonly<Record<string, readonly string[]>> = {
  "0": ["O", "D"],
  "1": ["I"],
  "2": ["Z"],
  "4": ["A"],
  "5": ["S"],
  "6": ["G"],
  "8": ["B"],
  O: ["0"],
  Q: ["0"],
  D: ["0"],
  I: ["1"],
  L: ["1"],
  "|": ["1"],
  Z: ["2"],
  A: ["4"],
  S: ["5"],
  G: ["6"],
  B: ["8"],
};

/** All models of `brand` in the line; the longest of any that overlap. */
export function findModels(
  line: Line,
  brand: Brand,
  noise: readonly Noise[],
): readonly ModelMention[] {
  const found: ModelMention[] = [];
  let start = 0;
  while (start < line.length) {
    const mention = longestAt(line, start, brand, noise);
    if (mention !== null) found.push(mention);
    start += mention?.words.length ?? 1;
  }
  return found;
}

/** A model without its brand, if only one brand has that series. */
export function findUniqueModels(line: Line, noise: readonly Noise[]): readonly ModelMention[] {
  const brands = line.flatMap((_, start) =>
    spans(line, start, noise).flatMap((words) => {
      const owners = brandsWithModel(compactOf(words));
      return owners.length === 1 ? owners : [];
    }),
  );
  return [...new Set(brands)]
    .flatMap((brand) => findModels(line, brand, noise))
    .filter(({ words }) => isTelling(words) && brandsWithModel(compactOf(words)).length === 1);
}

/** Clearly read, with letters and digits, and too long to be a fragment of something else. */
function isTelling(words: readonly Word[]): boolean {
  const compact = compactOf(words);
  const confidence = Math.min(...words.map((word) => word.confidence));
  const isMixed = /[A-Z]/.test(compact) && /\d{2}/.test(compact);
  return (
    words.length === 1 && // "S/ 180" is a price
    isMixed &&
    ((confidence >= 0.85 && compact.length >= 5) || (confidence >= 0.95 && compact.length >= 4))
  );
}

/** A model that follows the brand within one word. */
export function modelInRest(brand: Brand, rest: string, word: Word): ModelMention | null {
  return judge(brand, rest, [word], "joined with the brand name");
}

function longestAt(
  line: Line,
  start: number,
  brand: Brand,
  noise: readonly Noise[],
): ModelMention | null {
  for (const words of spans(line, start, noise).toReversed()) {
    const mention = judge(brand, compactOf(words), words, "model of the brand's series");
    if (mention !== null) return mention;
  }
  return null;
}

/** One to four words from `start` on that are close together and mean nothing else. */
function spans(line: Line, start: number, noise: readonly Noise[]): readonly (readonly Word[])[] {
  const found: Word[][] = [];
  for (let end = start; end < Math.min(line.length, start + 4); end += 1) {
    if (isWithin(noise, end)) break;
    if (end > start && !isClose(line[end - 1], line[end])) break;
    found.push(line.slice(start, end + 1));
  }
  return found;
}

function isClose(left: Word | undefined, right: Word | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  return right.box.x - (left.box.x + left.box.width) < Math.max(left.box.height, right.box.height);
}

function judge(
  brand: Brand,
  compact: string,
  words: readonly Word[],
  how: string,
): ModelMention | null {
  const confidence = Math.min(...words.map((word) => word.confidence));
  if (confidence < leastConfidence || compact.length < 2 || compact.length > longestModel)
    return null;
  const reading = readAs(brand, compact);
  if (reading === null) return null;
  const rule = ruleStrength(reading) * (words.length > 2 ? 0.9 : 1);
  return {
    brand,
    model: spellModel(brand, reading.compact),
    types: [...new Set(seriesOf(brand, reading.compact).map((series) => series.type))],
    words,
    strength: confidence * rule,
    isExact: reading.changes === 0,
    doubt: null,
    how:
      reading.changes === 0
        ? how
        : `${how}, ${counted(reading.changes, "look-alike character")} replaced`,
  };
}

function ruleStrength({ compact, changes }: Reading): number {
  const length = compact.replace(/-.*$/, "").length;
  const byLength = length <= 2 ? 0.6 : length === 3 ? 0.85 : 1;
  const byKind = /[A-Z]/.test(compact) || compact.includes("-") ? 1 : 0.75;
  return byLength * byKind * (1 - 0.25 * changes);
}

/** As read, or with the fewest look-alikes replaced; null if that is ambiguous. */
function readAs(brand: Brand, compact: string): Reading | null {
  if (!/\d/.test(compact)) return lettersAsDigits(brand, compact);
  if (seriesOf(brand, compact).length > 0) return { compact, changes: 0 };
  // A longer number is more likely a fleet number than a model with a misread letter.
  if (/^\d+$/.test(compact)) return null;
  const isModel = (variant: string): boolean =>
    seriesOf(brand, variant).length > 0 && hasSameSuffix(variant, compact);
  const one = variants(compact).filter(isModel);
  if (one.length > 0) return one.length === 1 ? { compact: one[0] ?? compact, changes: 1 } : null;
  const two = [...new Set(variants(compact).flatMap(variants))].filter(isModel);
  return two.length === 1 ? { compact: two[0] ?? compact, changes: 2 } : null;
}

/** "ESO" for "E50": letters only, all but the first of them look-alikes of digits. */
function lettersAsDigits(brand: Brand, compact: string): Reading | null {
  const digits = [...compact.slice(1)].map((sign) => lookalikes[sign]?.[0] ?? sign).join("");
  const variant = compact.slice(0, 1) + digits;
  const isModel = /^[A-Z]\d{2,3}$/.test(variant) && seriesOf(brand, variant).length > 0;
  return isModel ? { compact: variant, changes: digits.length } : null;
}

/** Suffixes are never repaired: "SY1550" may be SY155U or anything else. */
function hasSameSuffix(variant: string, compact: string): boolean {
  const suffix = /^\D*\d+(?:\.\d+)?(.*)$/.exec(variant)?.[1] ?? "";
  return compact.endsWith(suffix);
}

function variants(compact: string): readonly string[] {
  return [...compact].flatMap((sign, index) =>
    (lookalikes[sign] ?? []).map(
      (other) => compact.slice(0, index) + other + compact.slice(index + 1),
    ),
  );
}
