import { z } from "zod";
import brands from "./brands.json" with { type: "json" };

// What manufacturers call their machines. `pattern` is held against the compact spelling of a model:
// upper case, without spaces; a hyphen stays, because "531-70" is a telehandler and "53170" is not.
// Sizes are named one by one and never stand as a wildcard: a digit read for a letter would be a model
// too. docs/brands.md says which brands were reviewed and what is left out.

export const machineTypes = [
  "Wheel Loader",
  "Loader",
  "Excavator",
  "Bulldozer",
  "Motor Grader",
  "Dump Truck",
  "Backhoe Loader",
  "Skid Steer Loader",
  "Compact Track Loader",
  "Telehandler",
  "Roller",
  "Compactor",
  "Crane",
  "Material Handler",
  "Paver",
  "Cold Planer",
  "Scraper",
  "Aerial Platform",
  "Forklift",
] as const;

const isPattern = (source: string): boolean => {
  try {
    return new RegExp(source).source !== "";
  } catch {
    return false;
  }
};

export const Series = z.strictObject({
  type: z.enum(machineTypes),
  pattern: z.string().min(2).refine(isPattern, "not a regular expression"),
  examples: z.array(z.string().regex(/^\S+$/)).min(1),
});
export type Series = z.infer<typeof Series>;

export const Brand = z.strictObject({
  name: z.string().min(1),
  /** Other spellings, upper case. */
  aliases: z.array(z.string().regex(/^[A-Z0-9 .-]+$/)),
  /** Spellings that also are words ("in case of fire") or other companies' names ("Atlas Copco"). */
  everydayWords: z.array(z.string()).default([]),
  /** Whether the manufacturer writes a space between letters and number: "R 920". */
  isSpaced: z.boolean().default(false),
  series: z.array(Series).min(1),
});
export type Brand = z.infer<typeof Brand>;

export const catalogue: readonly Brand[] = z.array(Brand).parse(brands);

const compiled = new Map(
  catalogue.flatMap((brand) =>
    brand.series.map((series) => [series, new RegExp(`^(?:${series.pattern})$`)] as const),
  ),
);

/** The series of `brand` that `compact` belongs to; more than one when its name was used twice. */
export function seriesOf(brand: Brand, compact: string): readonly Series[] {
  return brand.series.filter((series) => compiled.get(series)?.test(compact));
}

export function brandsWithModel(compact: string): readonly Brand[] {
  return catalogue.filter((brand) => seriesOf(brand, compact).length > 0);
}

/** The model as the manufacturer writes it: "R920" → "R 920" at Liebherr. */
export function spellModel(brand: Brand, compact: string): string {
  return brand.isSpaced ? compact.replace(/^([A-Z]+)-?(\d)/, "$1 $2") : compact;
}

/** All spellings of a brand's name, upper case, longest first. */
export function spellings(brand: Brand): readonly string[] {
  const all = new Set([brand.name.toUpperCase(), ...brand.aliases]);
  return [...all].sort((a, b) => b.length - a.length);
}
