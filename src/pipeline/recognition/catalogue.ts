import * as z from "zod";
import brands from "./brands.json" with { type: "json" };

// What manufacturers call their machines. `pattern` is matched against a model's compact spelling: upper case,
// without spaces; hyphens stay, because "531-70" is a telehandler and "53170" is not. Sizes are listed one by one,
// never as a wildcard: otherwise a digit read for a letter would be a model too. docs/brands.md lists the reviewed
// brands and what is left out.

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
  /** Other spellings, in upper case. */
  aliases: z.array(z.string().regex(/^[A-Z0-9 .-]+$/)),
  /** Spellings that are also words ("in case of fire") or names of other companies ("Atlas Copco"). */
  everydayWords: z.array(z.string()).default([]),
  /** Whether the manufacturer puts a space between letters and number: "R 920". */
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

/** The series of `brand` that match `compact`; several if a name was used twice. */
export function seriesOf(brand: Brand, compact: string): readonly Series[] {
  return brand.series.filter((series) => compiled.get(series)?.test(compact));
}

export function brandsWithModel(compact: string): readonly Brand[] {
  return catalogue.filter((brand) => seriesOf(brand, compact).length > 0);
}

/** Otherwise this happens on first use, and again, optimised, on the second: a tenth of a second in all. */
export function compilePatterns(): void {
  for (const _use of ["first", "second"]) brandsWithModel("0");
}

/** The model as the manufacturer writes it: "R920" → "R 920" for Liebherr. */
export function spellModel(brand: Brand, compact: string): string {
  return brand.isSpaced ? compact.replace(/^([A-Z]+)-?(\d)/, "$1 $2") : compact;
}

/** All spellings of a brand's name, in upper case, longest first. */
export function spellings(brand: Brand): readonly string[] {
  const all = new Set([brand.name.toUpperCase(), ...brand.aliases]);
  return [...all].sort((a, b) => b.length - a.length);
}

/** Legal forms after a company's name, which do not distinguish brands. */
const legalForm =
  /[\s,.&]+(?:INCORPORATED|INC|CORPORATION|CORP|COMPANY|CO|LIMITED|LTD|LLC|PLC|GMBH|AG|KG|KGAA|SE|AB|ASA?|OYJ?|A\/S|APS|S\.?P\.?A|S\.?R\.?L|S\.?A|B\.?V|N\.?V|K\.K|PTY|PVT)\.?$/;
const bySpelling = new Map(
  catalogue.flatMap((brand) =>
    spellings(brand).map((spelling) => [keyOf(spelling), brand] as const),
  ),
);

/** The brand with this name or alias, regardless of case and legal form ("CAT", "Caterpillar Inc."). */
export function brandNamed(text: string): Brand | undefined {
  return bySpelling.get(keyOf(text));
}

/** Whether two names mean the same brand; names missing from the catalogue are compared with each other. */
export function isSameBrand(a: string, b: string): boolean {
  const [known, other] = [brandNamed(a), brandNamed(b)];
  return known === undefined && other === undefined ? keyOf(a) === keyOf(b) : known === other;
}

/** Upper case, without legal form, spaces and hyphens; a name that consists of a legal form stays. */
function keyOf(name: string): string {
  const plain = name.normalize("NFC").trim().toUpperCase();
  const short = plain.replace(legalForm, "");
  return short === plain || short === "" ? plain.replace(/[^\p{L}\p{N}]/gu, "") : keyOf(short);
}
