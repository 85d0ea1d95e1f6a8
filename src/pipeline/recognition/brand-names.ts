import { type Brand, catalogue, spellings } from "./catalogue.ts";

// Finds brands in prose about a picture: spelt correctly, among other words.

/** Brands named in the phrase, in whole words; upper case. */
export function brandsIn(phrase: string): readonly Brand[] {
  return catalogue.filter((brand) => spellings(brand).some((name) => contains(phrase, name)));
}

/** Whether the phrase names the brand by more than an everyday English word ("cat", "case"). */
export function isPlainName(phrase: string, brand: Brand): boolean {
  return spellings(brand).some(
    (name) => contains(phrase, name) && !brand.everydayWords.includes(name),
  );
}

function contains(phrase: string, name: string): boolean {
  return ` ${phrase} `.includes(` ${name} `);
}
