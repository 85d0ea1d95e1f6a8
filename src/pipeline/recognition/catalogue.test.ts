import { describe, expect, test } from "vitest";
import { brandsWithModel, catalogue, seriesOf, spellings, spellModel } from "./catalogue.ts";

test("has the brands that the vision adapter of today knows, and more", () => {
  const names = catalogue.map(({ name }) => name);
  const today =
    "Caterpillar Volvo Komatsu Hitachi Doosan Hyundai JCB Liebherr CASE Kubota Takeuchi Bobcat";
  expect(names).toEqual(expect.arrayContaining([...today.split(" "), "John Deere"]));
  expect(names.length).toBeGreaterThanOrEqual(16);
  expect(new Set(names).size).toBe(names.length);
});

test("no spelling belongs to two brands", () => {
  const all = catalogue.flatMap((brand) => spellings(brand));
  expect(new Set(all).size).toBe(all.length);
});

describe.each(catalogue)("$name", (brand) => {
  const cases = brand.series.flatMap(({ type, examples }) =>
    examples.map((model) => ({ model, type })),
  );

  test.each(cases)("$model is a $type and nothing else", ({ model, type }) => {
    expect(seriesOf(brand, model).map((series) => series.type)).toEqual([type]);
  });

  test("knows no model by a year, a plate, a quantity or a brand", () => {
    for (const compact of ["1998", "LD29XYZ", "40KG", "24V", "FLEET", brand.name.toUpperCase()]) {
      expect(seriesOf(brand, compact)).toEqual([]);
    }
  });
});

test("a series may be known at one brand, at several, or at none", () => {
  const owners = (compact: string) => brandsWithModel(compact).map(({ name }) => name);
  expect(owners("PC200-8")).toEqual(["Komatsu"]);
  expect(owners("DX225LC")).toEqual(["Doosan", "Develon"]);
  expect(owners("QQ123")).toEqual([]);
});

test("a model is spelt as its manufacturer does", () => {
  const spell = (name: string, compact: string) => {
    const brand = catalogue.find((candidate) => candidate.name === name);
    return brand && spellModel(brand, compact);
  };
  expect(spell("Liebherr", "LTM1100-5.2")).toBe("LTM 1100-5.2");
  expect(spell("Volvo", "L120H")).toBe("L120H");
});
