import * as z from "zod";
import type { ReadText, VisionHint, VisionReading } from "../ports/vision.ts";
import { type BrandMention, findBrands } from "./brand-mentions.ts";
import { type Brand, brandsWithModel } from "./catalogue.ts";
import { addHints, type Hinted } from "./hinted.ts";
import { explainHints, inOrder } from "./hints.ts";
import { textOf, type Word } from "./lines.ts";
import { compactOf } from "./noise.ts";
import { type Aggregate, type Understood, understand } from "./recognise.ts";

// Explains what became of every text and hint, and why: the answer to "why this result?". It decides nothing, and
// only queries the rules.

export const Meaning = z.object({
  about: z.enum(["brand", "model", "type", "ignored"]),
  value: z.string(),
  confidence: z.number().min(0).max(1),
  how: z.string(),
  /** Whether it is part of the machine. */
  isTaken: z.boolean(),
});
export type Meaning = Readonly<z.infer<typeof Meaning>>;

export type Explained = {
  readonly text: ReadText;
  /** Empty if not understood. */
  readonly meanings: readonly Meaning[];
  /** Why there are none; null otherwise. */
  readonly why: string | null;
};

export type ExplainedHint = {
  readonly hint: VisionHint;
  readonly meanings: readonly Meaning[];
};
export type Explanation = {
  /** One per text, in order. */
  readonly texts: readonly Explained[];
  /** Strongest first. */
  readonly hints: readonly ExplainedHint[];
};

type Found = { readonly words: readonly Word[]; readonly meaning: Meaning };
type Answer = Pick<Aggregate, "brand" | "model" | "type">;

/** No rule considers a word below this confidence. */
const leastConfidence = 0.3;

/** `answer` is the result of `recognise` for the same reading. */
export function explain(
  { hints, texts }: Pick<VisionReading, "hints" | "texts">,
  answer: Answer,
): Explanation {
  const read = understand(texts);
  const hinted = addHints(read, inOrder(hints));
  // A logo may supply the brand of a model written without it.
  const understood = { ...read, models: hinted.models };
  const found = bySource([...mentionsOf(understood, answer), ...ignoredOf(understood)]);
  const unread = leftOver(understood);
  return {
    texts: texts.map((text) => {
      const meanings = merged((found.get(text) ?? []).map(({ meaning }) => meaning));
      return { text, meanings, why: meanings.length > 0 ? null : whyNot(text, unread) };
    }),
    hints: inOrder(hints).map((hint) => ({ hint, meanings: meaningsOf(hint, hinted, answer) })),
  };
}

function meaningsOf(hint: VisionHint, hinted: Hinted, answer: Answer): readonly Meaning[] {
  const evidence = explainHints([hint], { ...hinted, ...answer });
  return evidence.map(({ about, confidence, how, value }) => {
    const isTaken = about !== "ignored" && value === answer[about];
    return meaningOf(about, value, { confidence, how }, isTaken);
  });
}

function mentionsOf({ brands, models }: Understood, answer: Answer): readonly Found[] {
  const named = brands.map(
    ({ brand: { name }, how, strength, words }): Found => ({
      words,
      meaning: meaningOf("brand", name, { confidence: strength, how }, name === answer.brand),
    }),
  );
  const sized = models.flatMap(({ brand, how, model, strength, types, words }): Found[] => {
    const sure = { confidence: strength, how };
    const isTaken = model === answer.model && brand.name === answer.brand;
    const [type, ...others] = types;
    const isTyped = isTaken && type !== undefined && others.length === 0 && type === answer.type;
    const typed = { confidence: strength, how: `series of ${model}` };
    return [
      { words, meaning: meaningOf("model", model, sure, isTaken) },
      ...(isTyped ? [{ words, meaning: meaningOf("type", type, typed, true) }] : []),
    ];
  });
  return [...named, ...sized];
}

function ignoredOf({ lines }: Understood): readonly Found[] {
  return lines.flatMap(({ line, noise }) =>
    noise.map(({ count, reason, start }): Found => {
      const words = line.slice(start, start + count);
      const confidence = Math.min(...words.map((word) => word.confidence));
      const sure = { confidence, how: reason };
      return { words, meaning: meaningOf("ignored", textOf(words), sure, false) };
    }),
  );
}

function meaningOf(
  about: Meaning["about"],
  value: string,
  { confidence, how }: Pick<Meaning, "confidence" | "how">,
  isTaken: boolean,
): Meaning {
  return { about, value, confidence: Math.round(confidence * 100) / 100, how, isTaken };
}

/** Lists a repeated meaning of a text once; words ignored together stay together. */
function merged(meanings: readonly Meaning[]): readonly Meaning[] {
  const once: Meaning[] = [];
  for (const meaning of meanings) {
    const { about, how, value } = meaning;
    const index = once.findIndex(
      (other) =>
        other.about === about &&
        other.how === how &&
        (about === "ignored" || other.value === value),
    );
    const earlier = once[index];
    if (earlier === undefined) once.push(meaning);
    else if (about === "ignored" && earlier.value !== value)
      once[index] = { ...earlier, value: `${earlier.value} ${value}` };
  }
  return once;
}

/** Lookups for texts without a meaning. A picture may have hundreds: everything is computed once. */
type LeftOver = {
  readonly words: ReadonlyMap<ReadText, readonly { readonly word: Word }[]>;
  /** Brand names found in them, and those not taken as a brand. */
  readonly names: ReadonlyMap<ReadText, readonly BrandMention[]>;
  readonly brands: ReadonlySet<Brand>;
};

function leftOver({ brands, lines }: Understood): LeftOver {
  return {
    words: bySource(lines.flatMap(({ line }) => line.map((word) => ({ word, words: [word] })))),
    names: bySource(lines.flatMap(({ line }) => findBrands(line))),
    brands: new Set(brands.map(({ brand }) => brand)),
  };
}

/** What was found in each text, in order of discovery. */
function bySource<T extends { readonly words: readonly Word[] }>(
  found: readonly T[],
): ReadonlyMap<ReadText, readonly T[]> {
  const grouped = new Map<ReadText, T[]>();
  for (const each of found) {
    for (const source of new Set(each.words.map((word) => word.source))) {
      const own = grouped.get(source) ?? [];
      own.push(each);
      grouped.set(source, own);
    }
  }
  return grouped;
}

function whyNot(text: ReadText, { brands, names, words }: LeftOver): string {
  const own = (words.get(text) ?? []).map(({ word }) => word);
  if (own.length === 0) return "no letters or digits";
  if (text.confidence < leastConfidence) return "confidence too low";
  const [refused] = names.get(text) ?? [];
  if (refused !== undefined) return `a word of a sentence or a company, not ${refused.brand.name}`;
  const makers = brandsWithModel(compactOf(own));
  const [maker, ...others] = makers;
  if (maker === undefined) return "no known brand or model";
  if (makers.some((brand) => brands.has(brand))) return "another look read a number here";
  const more = others.length === 0 ? "" : ` or ${others.length} more`;
  return `a model of ${maker.name}${more}, which was not read`;
}
