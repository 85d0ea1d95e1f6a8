import { type Brand, catalogue, spellings } from "./catalogue.ts";

// Brands in a phrase that somebody wrote about a picture: spelt right, with other words around them.

/** Brands whose name stands in the phrase, in whole words; upper case. */
export function brandsIn(phrase: string): readonly Brand[] {
  return catalogue.filter((brand) => spellings(brand).some((name) => contains(phrase, name)));
}

/** Whether the brand is named by more than a word of everyday English ("cat", "case"). */
export function isPlainName(phrase: string, brand: Brand): boolean {
  return spellings(brand).some(
    (name) => contains(phrase, name) && !brand.everydayWords.includes(name),
  );
}

function contains(phrase: string, name: string): boolean {
  return ` ${phrase} `.includes(` ${name} `);
}
