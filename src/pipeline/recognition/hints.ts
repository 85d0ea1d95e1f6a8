import type { ReadText, VisionHint } from "../ports/vision.ts";
import type { BrandMention } from "./brand-mentions.ts";
import { brandsIn, isPlainName } from "./brand-names.ts";
import type { Brand } from "./catalogue.ts";
import { compare, type Line, toLines, type Word } from "./lines.ts";
import { findModels, type ModelMention } from "./model-mentions.ts";
import { findNoise } from "./noise.ts";
import { type TypeGuess, typeNamed } from "./type-names.ts";

// What a provider reports about a picture other than text, and how it is used.
//
//   H1. A logo is a brand only if the list has that brand. No hint introduces a new name into the answer.
//   H2. Text takes precedence: a logo of a different brand counts only with a model of its own beside it, and
//       lowers the confidence otherwise; the web supplies brand and model only if the picture names none, and then
//       never confidently.
//   H3. The type comes from the series; if that leaves it open, from web entities, the best guess, labels and
//       objects, in this order, each above its threshold.
//   H4. Every hint is in the evidence: what it was used for, or why it was not.

type Box = ReadText["box"];
type Source = VisionHint["source"];
/** A line of the evidence, see recognise.ts. */
type Evidence = {
  readonly about: "brand" | "model" | "type" | "ignored";
  readonly value: string;
  readonly text: string;
  readonly box: Box;
  readonly confidence: number;
  readonly how: string;
};
/** The answer that hints are compared with. */
export type HintedAnswer = {
  readonly brand: string | null;
  readonly model: string | null;
  readonly type: string | null;
  /** The hint that supplied the type; null if the series did, or nothing. */
  readonly typeGuess: TypeGuess | null;
  /** Whether brand and model come from the web. */
  readonly isGuess: boolean;
};

const wholePicture: Box = { x: 0, y: 0, width: 1, height: 1 };
const leastLogo = 0.35;
/** The deployed service's threshold for web entities. */
const leastScore = 0.6;
/** For hints without a score. */
const unstated = 0.5;
/** The weight of a name on the web relative to the same name in the picture. */
const webWorth = 0.5;

const sources: readonly Source[] = ["logo", "web_entity", "web_best_guess", "label", "object"];
const words: Readonly<Record<Source, string>> = {
  logo: "logo",
  web_entity: "web entity",
  web_best_guess: "web best guess",
  label: "label",
  object: "object",
};

/** Strongest first, independent of the input order. */
export function inOrder(hints: readonly VisionHint[]): readonly VisionHint[] {
  return hints.toSorted(
    (a, b) =>
      sources.indexOf(a.source) - sources.indexOf(b.source) ||
      certaintyOf(b) - certaintyOf(a) ||
      compare(a.text, b.text) ||
      compare(JSON.stringify(a.box), JSON.stringify(b.box)),
  );
}

/** Logos of listed brands, treated like written names. */
export function findLogos(hints: readonly VisionHint[]): readonly BrandMention[] {
  return hints
    .filter((hint) => hint.source === "logo" && certaintyOf(hint) >= leastLogo)
    .flatMap((hint) => {
      const word = wordOf(hint);
      return brandsIn(word.plain).map((brand) => mentionOf(brand, [word], certaintyOf(hint)));
    });
}

/** Brands named by the web, with the models named beside them. */
export function findGuesses(hints: readonly VisionHint[]): {
  readonly brands: readonly BrandMention[];
  readonly models: readonly ModelMention[];
} {
  const named = hints.filter(isOfTheWeb).flatMap(namesIn);
  return {
    brands: named.map(({ brand, hint, line }) =>
      mentionOf(brand, line, webWorth * certaintyOf(hint)),
    ),
    models: named.flatMap(({ models }) =>
      models.map((model) => ({ ...model, strength: webWorth * model.strength })),
    ),
  };
}

/**
 * The type that a hint names, among the `possible` ones. A hint that names a subtype ("Backhoe Loader" beside
 * "Loader") takes precedence.
 */
export function guessType(
  hints: readonly VisionHint[],
  possible: readonly string[] | null,
): TypeGuess | null {
  const guesses = inOrder(hints)
    .filter(({ source }) => source !== "logo")
    .flatMap((hint) => {
      const type = isSure(hint) ? typeNamed(hint.text) : null;
      return type !== null && (possible?.includes(type) ?? true) ? [{ type, hint }] : [];
    });
  const [first] = guesses;
  if (first === undefined) return null;
  return guesses.find(({ type }) => type.endsWith(` ${first.type}`)) ?? first;
}

/** What each hint was used for. */
export function explainHints(
  hints: readonly VisionHint[],
  answer: HintedAnswer,
): readonly Evidence[] {
  return inOrder(hints).flatMap((hint) => {
    const uses = usesOf(hint, answer);
    return uses.length > 0
      ? uses.map(([about, value]) => evidenceOf(hint, about, value, words[hint.source]))
      : [evidenceOf(hint, "ignored", hint.text, `${words[hint.source]}: ${reason(hint, answer)}`)];
  });
}

export function certaintyOf({ score }: VisionHint): number {
  return score === null ? unstated : Math.min(1, Math.max(0, score));
}

function usesOf(
  hint: VisionHint,
  { brand, isGuess, model, typeGuess }: HintedAnswer,
): readonly (readonly [Evidence["about"], string])[] {
  if (hint.source === "logo") {
    const names = findLogos([hint]).map((logo) => logo.brand.name);
    return names.filter((name) => brand === null || name === brand).map((name) => ["brand", name]);
  }
  const type: readonly string[] = typeGuess?.hint === hint ? [typeGuess.type] : [];
  const named = isGuess && isOfTheWeb(hint) ? namesIn(hint) : [];
  const own = named.filter((name) => name.brand.name === brand);
  const models = own.flatMap((name) => name.models).filter((mention) => mention.model === model);
  return [
    ...own.map((name) => ["brand", name.brand.name] as const),
    ...models.map((mention) => ["model", mention.model] as const),
    ...type.map((value) => ["type", value] as const),
  ];
}

function reason(hint: VisionHint, { brand, type }: HintedAnswer): string {
  if (hint.source === "logo") {
    if (certaintyOf(hint) < leastLogo) return "too uncertain";
    return findLogos([hint]).length > 0 ? "differs from the written brand" : "not a listed brand";
  }
  if (!isSure(hint)) return `score below ${leastScore}`;
  const [named] = isOfTheWeb(hint) ? namesIn(hint) : [];
  if (named !== undefined && brand !== null) {
    return named.brand.name === brand
      ? "the brand is known"
      : "differs from the brand in the picture";
  }
  const kind = typeNamed(hint.text);
  if (kind === null) return named ? "not the only brand" : "names neither brand nor type";
  return kind === type ? "the type is known" : "another type, less specific";
}

function evidenceOf(
  hint: VisionHint,
  about: Evidence["about"],
  value: string,
  how: string,
): Evidence {
  const confidence = Math.round(certaintyOf(hint) * 100) / 100;
  return { about, value, text: hint.text, box: hint.box ?? wholePicture, confidence, how };
}

function isOfTheWeb(hint: VisionHint): boolean {
  return (hint.source === "web_best_guess" || hint.source === "web_entity") && isSure(hint);
}

function isSure({ score }: VisionHint): boolean {
  return score === null || score >= leastScore;
}

type Named = {
  readonly hint: VisionHint;
  readonly brand: Brand;
  readonly models: readonly ModelMention[];
  readonly line: Line;
};

/** An everyday English word ("cat", "case") is a brand only beside one of its models. */
function namesIn(hint: VisionHint): readonly Named[] {
  const [line] = toLines([asText(hint)]);
  if (line === undefined) return [];
  const text = line.map(({ plain }) => plain).join(" ");
  return brandsIn(text)
    .map((brand) => ({ hint, brand, line, models: findModels(line, brand, findNoise(line)) }))
    .filter(({ brand, models }) => models.length > 0 || isPlainName(text, brand));
}

function mentionOf(brand: Brand, line: readonly Word[], strength: number): BrandMention {
  return { brand, words: line, strength, how: "hint", rest: "" };
}

function wordOf(hint: VisionHint): Word {
  const plain = hint.text
    .toUpperCase()
    .replace(/[^\p{L}\p{N}-]+/gu, " ")
    .trim();
  const source = asText(hint);
  return { ...source, plain, box: hint.box ?? wholePicture, source };
}

/** Flat, so that all of it is one line. */
function asText({ source, text, score }: VisionHint): ReadText {
  const confidence = score === null ? 1 : Math.min(1, Math.max(0, score));
  const line = text.replaceAll(/\s+/g, " ");
  return { text: line, confidence, box: { ...wholePicture, height: 0.5 }, preparation: source };
}
