import { isBelow } from "./columns.ts";
import { boxAround, isBeside, type Word } from "./lines.ts";
import type { ModelMention } from "./model-mentions.ts";

// Why a model that was read may not be the whole of it, or not it at all. Each rule names its reason; any of
// them keeps the answer from being confident.

type Rule = (mention: ModelMention, others: readonly Word[]) => boolean;

const rules: Readonly<Record<string, Rule>> = {
  "a number alone": ({ model }) => /^\d+$/.test(model),
  "read differently elsewhere": isDisputed,
  "something follows it": isContinued,
};

/** The first reason for doubt, if there is one. `words` are all that were read. */
export function doubtOf(mention: ModelMention, words: readonly Word[]): string | null {
  const others = words.filter((word) => !mention.words.includes(word));
  return Object.keys(rules).find((reason) => rules[reason]?.(mention, others)) ?? null;
}

/** Another reading of the place says clearly what is no part of it. */
function isDisputed({ model, words }: ModelMention, others: readonly Word[]): boolean {
  const place = boxAround(words);
  const glyphs = signsOf(model);
  return others.some(
    ({ box, plain, confidence }) =>
      confidence >= 0.6 &&
      signsOf(plain).length >= 3 &&
      !glyphs.includes(signsOf(plain)) &&
      !signsOf(plain).endsWith(glyphs) &&
      isAtPlace(box, place),
  );
}

/** In the same look something short stands behind or below it that was not understood. */
function isContinued({ words }: ModelMention, others: readonly Word[]): boolean {
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined) return false;
  return others.some(
    (word) =>
      word.preparation === last.preparation &&
      word.confidence >= 0.3 &&
      word.plain.length <= 4 &&
      (isBeside(last, word) || words.some((own) => isBelow(word, own))),
  );
}

function isAtPlace(box: Word["box"], place: Word["box"]): boolean {
  const middle = place.y + place.height / 2;
  const shared = Math.min(box.x + box.width, place.x + place.width) - Math.max(box.x, place.x);
  return (
    shared > 0.5 * Math.min(place.width, box.width) && middle > box.y && middle < box.y + box.height
  );
}

function signsOf(text: string): string {
  return text.replace(/[^A-Z\d]/g, "");
}
