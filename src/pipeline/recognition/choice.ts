import type { BrandMention } from "./brand-mentions.ts";
import { type Brand, catalogue } from "./catalogue.ts";
import { boxAround, compare, heightOf, type Word } from "./lines.ts";
import type { ModelMention } from "./model-mentions.ts";

// Chooses the machine's brand and model among those that were read. The rules of confidence are at the top of
// recognise.ts.

/** One model, wherever it was read. */
export type Candidate = {
  readonly value: string;
  readonly brand: Brand;
  readonly types: readonly string[];
  readonly strength: number;
  /** Strength and size: ranks the candidates. */
  readonly weight: number;
  /** The number of preparations that showed it. */
  readonly readings: number;
  /** One reading is exact, and none is doubtful. */
  readonly isCertain: boolean;
};
export type Finding = {
  readonly brand: string | null;
  /** 0 if the brand was not read but inferred from the model. */
  readonly brandStrength: number;
  readonly model: Candidate | null;
  readonly hasRivalBrand: boolean;
  readonly hasRivalModel: boolean;
};
/** For a model that was repaired or cut short, however clear the rest. */
const notConfident = 0.45;
type Box = ReturnType<typeof boxAround>;
type Mention = { readonly strength: number; readonly words: readonly Word[] };

const nothing: Finding = {
  brand: null,
  brandStrength: 0,
  model: null,
  hasRivalBrand: false,
  hasRivalModel: false,
};

/** Chooses among the brands that were read. */
export function choose(brands: readonly BrandMention[], models: readonly ModelMention[]): Finding {
  const [first, second] = catalogue
    .filter((brand) => brands.some((mention) => mention.brand === brand))
    .map((brand) => findingOf(brand, brands, models))
    .toSorted(
      (a, b) => b.weight - a.weight || compare(a.finding.brand ?? "", b.finding.brand ?? ""),
    );
  if (first === undefined) return nothing;
  if (second === undefined) return first.finding;
  const isClose = second.weight > first.weight * 0.85;
  return { ...(isClose ? nothing : first.finding), hasRivalBrand: true };
}

/** Without any brand: a model made by only one brand, provided everything read is of that brand. */
export function chooseAlone(models: readonly ModelMention[]): Finding {
  const [owner, ...others] = new Set(models.map(({ brand }) => brand));
  if (owner === undefined || others.length > 0) return nothing;
  const { model, hasRivalModel } = best(candidatesOf(models, []));
  return model === null ? nothing : { ...nothing, brand: owner.name, model, hasRivalModel };
}

export function confidenceOf(finding: Finding): number {
  const { brand, brandStrength, model, hasRivalBrand, hasRivalModel } = finding;
  if (brand === null) return 0;
  const rivals = (hasRivalBrand ? 0.75 : 1) * (hasRivalModel ? 0.85 : 1);
  if (model === null) return 0.6 * brandStrength * rivals;
  if (brandStrength === 0) return 0.45 * model.strength * rivals;
  const confidence = (0.2 + 0.35 * brandStrength + 0.45 * model.strength) * rivals;
  return model.isCertain ? confidence : Math.min(notConfident, confidence);
}

function findingOf(
  brand: Brand,
  brands: readonly BrandMention[],
  models: readonly ModelMention[],
): { readonly finding: Finding; readonly weight: number } {
  const named = weigh(brands.filter((mention) => mention.brand === brand));
  const own = models.filter((mention) => mention.brand === brand);
  const candidates = candidatesOf(
    own,
    brands.filter((mention) => mention.brand === brand),
  );
  const finding = {
    ...nothing,
    ...best(candidates),
    brand: brand.name,
    brandStrength: named.strength,
  };
  return { finding, weight: named.weight + 1.5 * (candidates[0]?.weight ?? 0) };
}

/** The strongest, unless a different one is nearly as strong. */
function best(candidates: readonly Candidate[]): Pick<Finding, "model" | "hasRivalModel"> {
  const [first, second] = candidates;
  if (first === undefined) return { model: null, hasRivalModel: false };
  if (second === undefined) return { model: first, hasRivalModel: false };
  const isClose = second.weight > first.weight * 0.8;
  return isClose
    ? { model: null, hasRivalModel: true }
    : { model: first, hasRivalModel: second.strength > 0.4 };
}

/** Strongest first. "930" beside "930G" is the same model, cut short. */
function candidatesOf(
  mentions: readonly ModelMention[],
  brands: readonly BrandMention[],
): readonly Candidate[] {
  const names = [...new Set(mentions.map(({ model }) => completed(mentions, model)))];
  return names
    .flatMap((value) => {
      const group = mentions.filter(({ model }) => completed(mentions, model) === value);
      const whole = group.find(({ model }) => model === value);
      if (whole === undefined) return [];
      const own = group.filter(({ model }) => model === value);
      const isCertain =
        own.some(({ isExact }) => isExact) && own.every(({ doubt }) => doubt === null);
      const weight = weigh(group);
      const near = group.some((mention) => isNear(mention, brands)) ? nearness : 1;
      const { brand, types } = whole;
      return [{ value, brand, types, isCertain, ...weight, weight: weight.weight * near }];
    })
    .toSorted((a, b) => b.weight - a.weight || compare(a.value, b.value));
}

function completed(mentions: readonly ModelMention[], model: string): string {
  const strongest = (name: string): number =>
    Math.max(...mentions.filter((other) => other.model === name).map(({ strength }) => strength));
  const longer = mentions
    .map((mention) => mention.model)
    .filter((name) => name.startsWith(model) && isSuffix(model, name.slice(model.length)))
    .filter((name) => strongest(name) >= 0.6 * strongest(model))
    .toSorted((a, b) => b.length - a.length || compare(a, b));
  return longer[0] ?? model;
}

/** The bonus for a model beside or below its brand's name, where manufacturers paint it. */
const nearness = 1.3;

function isNear({ words }: Mention, brands: readonly BrandMention[]): boolean {
  const box = boxAround(words);
  return brands.some((brand) => {
    const name = boxAround(brand.words);
    const reach = 3 * Math.max(box.height, name.height);
    const [left, right] = [Math.max(box.x, name.x), Math.min(endOf(box), endOf(name))];
    const down = Math.abs(box.y + box.height / 2 - (name.y + name.height / 2));
    const isBelow = right - left > 0.5 * Math.min(box.width, name.width) && down < reach;
    return isBelow || (left - right < reach && down < 0.6 * Math.max(box.height, name.height));
  });
}

function endOf({ x, width }: Box): number {
  return x + width;
}

/** Digits continue a number, but not a letter: "304E" may be the start of "304E2". */
function isSuffix(model: string, rest: string): boolean {
  return /^[-A-Z]/.test(rest) || (/[A-Z]$/.test(model) && /^\d/.test(rest));
}

type Weight = Pick<Candidate, "strength" | "weight" | "readings">;

function weigh(mentions: readonly Mention[]): Weight {
  const strongest = Math.max(...mentions.map(({ strength }) => strength));
  const readings = new Set(mentions.flatMap(({ words }) => words[0]?.preparation ?? [])).size;
  const strength = readings > 1 ? strongest + 0.3 * (1 - strongest) : strongest;
  const height = Math.max(...mentions.map(({ words }) => heightOf(words)));
  const size = 0.7 + 0.3 * Math.min(1, Math.max(0, height) / 0.08);
  const often = 1 + 0.1 * Math.min(3, readings - 1);
  return { strength, weight: strength * size * often, readings };
}
