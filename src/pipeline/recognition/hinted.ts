import type { VisionHint } from "../ports/vision.ts";
import type { BrandMention } from "./brand-mentions.ts";
import type { Brand } from "./catalogue.ts";
import { choose, confidenceOf, type Finding } from "./choice.ts";
import { certaintyOf, findGuesses, findLogos, guessType } from "./hints.ts";
import type { ModelMention } from "./model-mentions.ts";
import type { TypeGuess } from "./type-names.ts";

// Adds hints (hints.ts) to what was read.

/** The result of the text alone. */
type Read = {
  readonly brands: readonly BrandMention[];
  readonly models: readonly ModelMention[];
  readonly finding: Finding;
  /** Models of these brands written in the picture. */
  readonly modelsOf: (brands: readonly BrandMention[]) => readonly ModelMention[];
};
type Found = {
  readonly models: readonly ModelMention[];
  readonly finding: Finding;
  /** Whether the brand comes only from the web, not from the picture. */
  readonly isGuess: boolean;
};
export type Hinted = Found & {
  /** If the series leaves the type open. */
  readonly typeGuess: TypeGuess | null;
};

const mostForGuess = 0.45;
const typeOnly = 0.3;

/** Text first, then logos, then the web. */
export function addHints(read: Read, hints: readonly VisionHint[]): Hinted {
  const found = addLogos(read, findLogos(hints)) ?? addGuesses(read, hints);
  const { finding } = found;
  const possible = finding.model?.types ?? null;
  const typeGuess = typeOf(finding) === null ? guessType(hints, possible) : null;
  return { ...found, typeGuess };
}

/** The model's own type, if it is unique. */
export function typeOf({ model }: Finding): string | null {
  const [type, ...others] = model?.types ?? [];
  return type !== undefined && others.length === 0 ? type : null;
}

/** The confidence of the answer as a whole, not of any single mention. */
export function sureness({ finding, isGuess, typeGuess }: Hinted): number {
  if (finding.brand === null) return typeGuess ? typeOnly * certaintyOf(typeGuess.hint) : 0;
  const confidence = confidenceOf(finding);
  return isGuess ? Math.min(mostForGuess, confidence) : confidence;
}

/** Null if neither text nor logos name a brand or a model. */
function addLogos(read: Read, logos: readonly BrandMention[]): Found | null {
  const counted = logos.filter((logo) => isSilent(read) || isBacked(read, logo));
  const hasRivalBrand = counted.length < logos.length;
  if (counted.length > 0) {
    const brands = [...read.brands, ...counted];
    const models = read.modelsOf(brands);
    return withRival({ models, finding: choose(brands, models), isGuess: false }, hasRivalBrand);
  }
  return isSilent(read) ? null : withRival({ ...read, isGuess: false }, hasRivalBrand);
}

function isSilent({ brands, finding }: Read): boolean {
  return brands.length === 0 && finding.brand === null;
}

/** A logo outweighs the text only with a model of its own beside it. */
function isBacked({ brands, finding, modelsOf }: Read, logo: BrandMention): boolean {
  const isSame = (brand: Brand) => brand === logo.brand;
  const isWritten =
    finding.brand === logo.brand.name || brands.some((mention) => isSame(mention.brand));
  return isWritten || modelsOf([logo]).length > 0;
}

function withRival({ finding, isGuess, models }: Found, isRivalled: boolean): Found {
  const hasRivalBrand = finding.hasRivalBrand || isRivalled;
  return { models, isGuess, finding: { ...finding, hasRivalBrand } };
}

/** For a picture that names no brand: the web's brand, with a model that is written or that the web names. */
function addGuesses(read: Read, hints: readonly VisionHint[]): Found {
  const guesses = findGuesses(hints);
  const written = read.modelsOf(guesses.brands);
  const finding = choose(guesses.brands, [...written, ...guesses.models]);
  return finding.brand === null
    ? { models: read.models, finding: read.finding, isGuess: false }
    : { models: written, finding, isGuess: true };
}
