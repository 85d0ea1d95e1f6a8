import { isBelow } from "./columns.ts";
import { boxAround, isBeside, type Word } from "./lines.ts";
import type { ModelMention } from "./model-mentions.ts";

// Reasons why a model may be incomplete or wrong. Each rule names its reason; any of them prevents a confident
// answer.

type Rule = (mention: ModelMention, others: readonly Word[]) => boolean;

const rules: Readonly<Record<string, Rule>> = {
  "a number alone": ({ model }) => /^\d+$/.test(model),
  "read differently elsewhere": isDisputed,
  "something follows it": isContinued,
};

/** The first reason for doubt, if any. `words` are all words that were read. */
export function doubtOf(mention: ModelMention, words: readonly Word[]): string | null {
  const others = words.filter((word) => !mention.words.includes(word));
  return Object.keys(rules).find((reason) => rules[reason]?.(mention, others)) ?? null;
}

/** Another reading of the same place clearly shows something that is not part of it. */
function isDisputed({ model, words }: ModelMention, others: readonly Word[]): boolean {
  const place = boxAround(words);
  const signs = signsOf(model);
  return others.some(
    ({ box, plain, confidence }) =>
      confidence >= 0.6 &&
      signsOf(plain).length >= 3 &&
      !signs.includes(signsOf(plain)) &&
      !signsOf(plain).endsWith(signs) &&
      isAtPlace(box, place),
  );
}

/** The same look shows something short behind or below it that was not understood. */
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
