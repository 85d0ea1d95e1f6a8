import * as z from "zod";
import type { ReadText, VisionHint, Wanted } from "../ports/vision.ts";
import { type BrandMention, findBrands, findWordsOfSentences } from "./brand-mentions.ts";
import { catalogue } from "./catalogue.ts";
import { choose, chooseAlone, type Finding } from "./choice.ts";
import { toColumns } from "./columns.ts";
import { doubtOf } from "./doubts.ts";
import { addHints, type Hinted, sureness, typeOf } from "./hinted.ts";
import { certaintyOf, explainHints, inOrder } from "./hints.ts";
import { boxAround, type Line, textOf, toLines, type Word } from "./lines.ts";
import { findModels, findUniqueModels, type ModelMention, modelInRest } from "./model-mentions.ts";
import { findNoise, isCompanyLine, isWithin, type Noise, noiseText } from "./noise.ts";

// From the text in a photograph to brand, model and type: rules and a list of series, no guesses. Out of scope:
// reading (the Vision port) and the list (brands.json).
//
//   R1. Total and deterministic: any texts, in any order, give the same answer and never throw.
//   R2. A model belongs to a series of the brand it is reported with.
//   R3. Anything ambiguous is null: two equally strong models, two equally strong brands, a type that a model name
//       does not settle.
//   R4. The type comes from the series; hints (hints.ts) supply it if the series leaves it open.
//
// Confidence. b and m are the strengths of the best mention of brand and model: the reader's confidence times the
// rule's weight (1 for an exact name; less for a short or purely numeric model, for replaced look-alikes, for a
// name one letter off). A second preparation with the same reading adds 30 % of the remainder.
//
//   brand and model    0.2 + 0.35 b + 0.45 m
//   brand only         0.6 b
//   model only         0.45 m                 (only one brand has its series)
//   type only          0.3 of the hint's confidence
//   nothing            0
//
// times 0.75 if another brand, or 0.85 if another model of the brand, was read as well. So a model without its
// brand is never confident, and 0.9 requires both, clearly read. Whatever only the web names stays at 0.45 at most.

const Box = z
  .object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })
  .readonly();
type Box = z.infer<typeof Box>;

export const Evidence = z.object({
  about: z.enum(["brand", "model", "type", "ignored"]),
  value: z.string(),
  text: z.string(),
  box: Box,
  confidence: z.number().min(0).max(1),
  how: z.string(),
});
export type Evidence = Readonly<z.infer<typeof Evidence>>;

export const Aggregate = z.object({
  brand: z.string().nullable(),
  type: z.string().nullable(),
  model: z.string().nullable(),
  weight: z.number().nullable(),
  year: z.string().nullable(),
  attachment: z.array(z.string()).readonly().nullable(),
  confidence: z.number().min(0).max(1),
  isConfident: z.boolean(),
  typeConfidence: z.number().min(0).max(1).nullable(),
  typeSource: z.string().nullable(),
  name: z.string(),
});
export type Aggregate = Readonly<z.infer<typeof Aggregate>>;

export type Recognition = {
  readonly aggregate: Aggregate;
  readonly evidence: readonly Evidence[];
};

export type Understood = {
  readonly lines: readonly { readonly line: Line; readonly noise: readonly Noise[] }[];
  readonly brands: readonly BrandMention[];
  readonly models: readonly ModelMention[];
  readonly finding: Finding;
  readonly modelsOf: (brands: readonly BrandMention[]) => readonly ModelMention[];
};

/** `hints`: what the provider reports other than text, in any order. */
export function recognise(
  texts: readonly ReadText[],
  hints: readonly VisionHint[] = [],
): Recognition {
  const read = understand(texts);
  const { brands, lines } = read;
  const hinted = addHints(read, inOrder(hints));
  const { finding, models } = hinted;
  const aggregate = aggregateOf(hinted);
  return {
    aggregate,
    evidence: [
      ...brands.map((mention) => evidenceOf("brand", mention.brand.name, mention)),
      ...models.map((mention) => evidenceOf("model", mention.model, mention)),
      ...typeEvidence(finding, models),
      ...lines.flatMap(({ line, noise }) => noise.map((part) => ignored(line, part))),
      ...explainHints(hints, { ...hinted, ...aggregate }),
    ],
  };
}

/** Whether the machine (or brand) is certain enough to stop reading: clearly read, or read twice. */
export function isEnough(texts: readonly ReadText[], wanted: Wanted = "machine"): boolean {
  const { brandStrength, model, hasRivalBrand, hasRivalModel } = understand(texts).finding;
  if (wanted === "brand") return brandStrength > 0;
  if (brandStrength === 0 || model === null || hasRivalBrand || hasRivalModel) return false;
  // Three looks that agree will not become more certain.
  if (!model.isCertain) return model.readings >= 3;
  return model.strength >= 0.85 || (model.readings >= 2 && model.strength >= 0.75);
}

/** Everything found, for explanations. */
export function understand(texts: readonly ReadText[]): Understood {
  const lines = toLines(texts).map((line) => ({ line, noise: findNoise(line) }));
  const isNoSentence = outsideOf(
    lines.flatMap(({ line }) => findWordsOfSentences(line)).map(boxAround),
  );
  const brands = lines
    .flatMap(({ line }) => (isCompanyLine(line) ? [] : findBrands(line)))
    .filter((mention) => mention.brand.everydayWords.length === 0 || isNoSentence(mention));
  const isElsewhere = outsideOf(lines.flatMap(placesOfNumbers));
  const columns = toColumns(lines.map(({ line, noise }) => withoutNoise(line, noise)));
  const everywhere = [...lines, ...columns.map((line) => ({ line, noise: [] }))];
  const written = (some: readonly BrandMention[]) =>
    withDoubts(modelsOf(some, everywhere).filter(isElsewhere), lines);
  if (brands.length === 0) {
    const models = lines
      .flatMap(({ line, noise }) => findUniqueModels(line, noise))
      .filter(isElsewhere);
    return { lines, brands, models, finding: chooseAlone(models), modelsOf: written };
  }
  const models = written(brands);
  return { lines, brands, models, finding: choose(brands, models), modelsOf: written };
}

function withoutNoise(line: Line, noise: readonly Noise[]): Line {
  return line.filter((_, index) => !isWithin(noise, index));
}

function withDoubts(
  models: readonly ModelMention[],
  lines: Understood["lines"],
): readonly ModelMention[] {
  const words = lines.flatMap(({ line }) => line);
  return models.map((mention) => {
    const doubt = doubtOf(mention, words);
    return doubt === null ? mention : { ...mention, doubt, how: `${mention.how}; ${doubt}` };
  });
}

/** Where one reading shows a fleet number, a phone number or a plate, no other reading shows a model. */
function placesOfNumbers({ line, noise }: Understood["lines"][number]): readonly Box[] {
  return noise
    .filter(({ isNumber }) => isNumber)
    .map(({ start, count }) => line.slice(start, start + count))
    .filter((words) => Math.min(...words.map(({ confidence }) => confidence)) >= 0.5)
    .map(boxAround);
}

function outsideOf(
  places: readonly Box[],
): (mention: { readonly words: readonly Word[] }) => boolean {
  return ({ words }) => {
    const { x, y, width, height } = boxAround(words);
    return !places.some((place) => {
      // Two readings of one place differ by a fraction of a letter.
      const margin = place.height * 0.5;
      const [left, top] = [place.x - margin, place.y - margin];
      const [across, down] = [x + width / 2 - left, y + height / 2 - top];
      const isInside = across > 0 && across < place.width + 2 * margin;
      return isInside && down > 0 && down < place.height + 2 * margin;
    });
  };
}

function modelsOf(
  mentions: readonly BrandMention[],
  lines: Understood["lines"],
): readonly ModelMention[] {
  const joined = mentions.flatMap(({ brand, rest, words: [word] }) => {
    const mention = word && rest !== "" ? modelInRest(brand, rest, word) : null;
    return mention === null ? [] : [mention];
  });
  const named = catalogue.filter((brand) => mentions.some((mention) => mention.brand === brand));
  const apart = named.flatMap((brand) =>
    lines.flatMap(({ line, noise }) => findModels(line, brand, noise)),
  );
  return [...joined, ...apart];
}

function aggregateOf(hinted: Hinted): Aggregate {
  const { brand, model } = hinted.finding;
  const confidence = round(sureness(hinted));
  const { type, typeConfidence, typeSource } = typed(hinted, confidence);
  return {
    brand,
    type,
    model: model?.value ?? null,
    weight: null,
    year: null,
    attachment: null,
    confidence,
    isConfident: confidence >= 0.5,
    typeConfidence,
    typeSource,
    name: [brand, type, model?.value].filter((part) => typeof part === "string").join(", "),
  };
}

/** From the series, otherwise from a hint; a best guess has no score. */
function typed(
  { finding, typeGuess }: Hinted,
  confidence: number,
): Pick<Aggregate, "type" | "typeConfidence" | "typeSource"> {
  const type = typeOf(finding);
  if (type !== null) {
    const typeConfidence = round(Math.min(confidence, finding.model?.strength ?? 0));
    return { type, typeConfidence, typeSource: "model_series" };
  }
  if (typeGuess === null) return { type: null, typeConfidence: null, typeSource: null };
  const { hint } = typeGuess;
  const typeConfidence = hint.score === null ? null : round(certaintyOf(hint));
  return { type: typeGuess.type, typeConfidence, typeSource: hint.source };
}

function typeEvidence(finding: Finding, models: readonly ModelMention[]): readonly Evidence[] {
  const type = typeOf(finding);
  const mention = models.find(({ model }) => model === finding.model?.value);
  if (type === null || mention === undefined) return [];
  return [{ ...evidenceOf("type", type, mention), how: `series of ${mention.model}` }];
}

function evidenceOf(
  about: Evidence["about"],
  value: string,
  mention: { readonly words: readonly Word[]; readonly strength: number; readonly how: string },
): Evidence {
  const { words, strength, how } = mention;
  const preparation = words[0]?.preparation ?? "";
  return {
    about,
    value,
    text: textOf(words),
    box: boxAround(words),
    confidence: round(strength),
    how: `${how} (${preparation})`,
  };
}

function ignored(line: Line, noise: Noise): Evidence {
  const words = line.slice(noise.start, noise.start + noise.count);
  const confidence = Math.min(...words.map((word) => word.confidence));
  return {
    about: "ignored",
    value: noiseText(line, noise),
    text: noiseText(line, noise),
    box: boxAround(words),
    confidence: round(confidence),
    how: noise.reason,
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
