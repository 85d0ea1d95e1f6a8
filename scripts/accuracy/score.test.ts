import { describe, expect, test } from "vitest";
import {
  type Answer,
  distributionOf,
  type Expected,
  parseTruth,
  type Scored,
  score,
  unknownBrands,
  verdictOnBrand,
  verdictOnModel,
} from "./score.ts";

const answer = (more: Partial<Answer> = {}): Answer => ({
  brand: "Caterpillar",
  model: "320D",
  type: "Excavator",
  confidence: 0.9,
  isConfident: true,
  ...more,
});
const scored = (
  file: string,
  expected: Expected,
  more: Partial<Answer> = {},
): Extract<Scored, { answer: Answer }> => ({ file, expected, answer: answer(more) });

describe("brands", () => {
  test.each([
    ["Caterpillar", "CAT", "right"],
    ["CATERPILLAR INC.", "Caterpillar", "right"],
    ["john deere", "John Deere", "right"],
    ["New", "New Holland", "cut"],
    ["Komatsu", "Caterpillar", "wrong"],
    [null, "Caterpillar", "none"],
    ["Volvo", null, "invented"],
    [null, null, "absent"],
  ] as const)("%s for %s is %s", (found, truth, verdict) => {
    expect(verdictOnBrand(found, truth)).toBe(verdict);
  });
});

describe("models", () => {
  test.each([
    ["320D", "320D", "right"],
    ["pc 200-8", "PC200-8", "right"],
    ["HB365LC-3", "HB365LC3", "right"],
    ["320D", ["320DL", "320D"], "right"],
    ["320", ["320DL", "320D"], "cut"],
    ["20D", "320D", "wrong"],
    ["320DL", "320D", "wrong"],
    [null, "320D", "none"],
    ["320D", null, "invented"],
    [null, null, "absent"],
  ] as const)("%s for %j is %s", (found, truth, verdict) => {
    expect(
      verdictOnModel(found, truth === null || typeof truth === "string" ? truth : [...truth]),
    ).toBe(verdict);
  });
});

describe("the score", () => {
  const all: readonly Scored[] = [
    scored("right.jpg", { brand: "CAT", model: "320D", type: "Excavator" }, { confidence: 0.95 }),
    scored("cut.jpg", { brand: "CAT", model: "320DL" }, { confidence: 0.85 }),
    scored("shy.jpg", { brand: "CAT", model: "320DL" }, { confidence: 0.4, isConfident: false }),
    scored(
      "half.jpg",
      { brand: "CAT", model: "930G" },
      { model: null, type: null, confidence: 0.55 },
    ),
    scored("rival.jpg", { brand: "Volvo", model: null, type: "Loader" }, { confidence: 1 }),
    scored(
      "empty.jpg",
      { brand: null, model: null },
      {
        ...{ brand: null, model: null, type: null, confidence: 0, isConfident: false },
      },
    ),
    scored("made-up.jpg", { brand: null, model: null }, { model: null, confidence: 0.5 }),
    { file: "broken.jpg", expected: { brand: null, model: null }, error: "E_IMAGE_TRUNCATED: x" },
  ];
  const result = score(all);

  test("counts brand and model by what a person reads", () => {
    expect(result.pictures).toBe(8);
    expect(result.brand).toEqual({
      ...{ right: 4, cut: 0, wrong: 1, none: 0, of: 5 },
      ...{ invented: 1, without: 2 },
    });
    expect(result.model).toEqual({
      ...{ right: 1, cut: 2, wrong: 0, none: 1, of: 4 },
      ...{ invented: 1, without: 3 },
    });
    expect(result.type).toEqual({ right: 1, wrong: 1, none: 0, of: 2, given: 3, open: 5 });
  });

  test("wrong and confident are named, a model that is cut short among them", () => {
    const named = result.wrongAndConfident.map(({ expected, file, found }) => [
      file,
      found,
      expected,
    ]);
    expect(named).toEqual([
      ["cut.jpg", "Caterpillar 320D", "CAT 320DL"],
      ["rival.jpg", "Caterpillar 320D", "Volvo"],
      ["made-up.jpg", "Caterpillar", "nothing"],
    ]);
  });

  test("bins hold every answer once, 1 in the last; a brand alone may be right", () => {
    const bin = (from: number) => result.bins.find((one) => one.from === from);
    expect(result.bins).toHaveLength(10);
    expect(result.bins.reduce((sum, { answers }) => sum + answers, 0)).toBe(6);
    expect(bin(0.9)).toMatchObject({ answers: 2, right: 1, share: 0.5 });
    expect(bin(0.8)).toMatchObject({ answers: 1, right: 0, share: 0 });
    expect(bin(0.5)).toMatchObject({ answers: 2, right: 1 });
    expect(bin(0)).toMatchObject({ answers: 0, right: 0, share: null });
    const edge = score([scored("x", { brand: "CAT", model: "320D" }, { confidence: 0.7 })]);
    expect(edge.bins.find(({ answers }) => answers === 1)?.from).toBe(0.7);
  });

  test("errors stand beside it", () => {
    expect(result.errors).toEqual([{ file: "broken.jpg", error: "E_IMAGE_TRUNCATED: x" }]);
  });
});

describe("the truth", () => {
  test("is read", () => {
    const text = '{"a.jpg":{"brand":"CAT","model":["320D","320"],"type":"Excavator"}}';
    expect(parseTruth(text)).toEqual({
      "a.jpg": { brand: "CAT", model: ["320D", "320"], type: "Excavator" },
    });
  });
  test("is read behind a byte order mark", () => {
    expect(parseTruth('\uFEFF{"a.jpg":{"brand":null,"model":null}}')).toHaveProperty(["a.jpg"]);
  });
  test("names brands that recognition does not know, each once", () => {
    const brands = ["Tonka", "CAT", null, "Acme", "Tonka"];
    expect(unknownBrands(brands.map((brand) => ({ brand, model: null })))).toEqual([
      "Tonka",
      "Acme",
    ]);
  });
  test.each([
    ["{", "it is not JSON"],
    ["[]", "the whole: "],
    ['{"a.jpg":{"brand":1,"model":null}}', "a.jpg.brand: "],
    ['{"a.jpg":{"brand":null}}', "a.jpg.model: "],
    ['{"a.jpg":{"brand":null,"model":null,"typ":"x"}}', "typ"],
  ])("%s is refused with its place", (text, message) => {
    expect(() => parseTruth(text)).toThrow(message);
  });
});

test("percentiles are values that occurred", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(distributionOf(values)).toEqual({ mean: 50.5, median: 50, p95: 95, max: 100 });
  expect(distributionOf([7])).toEqual({ mean: 7, median: 7, p95: 7, max: 7 });
  expect(distributionOf([])).toEqual({ mean: 0, median: 0, p95: 0, max: 0 });
});
