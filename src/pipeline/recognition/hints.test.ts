import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReadText, VisionHint } from "../ports/vision.ts";
import { catalogue } from "./catalogue.ts";
import { Aggregate, Evidence, recognise } from "./recognise.ts";

function read(...texts: readonly string[]): readonly ReadText[] {
  return texts.map((text, row) => ({
    text,
    confidence: 0.92,
    box: { x: 0.1, y: 0.1 + row * 0.15, width: text.length * 0.02, height: 0.05 },
    preparation: "google",
  }));
}
const logo = (text: string, score = 0.9): VisionHint => ({
  source: "logo",
  text,
  score,
  box: { x: 0.4, y: 0.4, width: 0.1, height: 0.05 },
});
const entity = (text: string, score = 0.9): VisionHint => ({
  source: "web_entity",
  text,
  score,
  box: null,
});
const bestGuess = (text: string): VisionHint => ({
  source: "web_best_guess",
  text,
  score: null,
  box: null,
});
const label = (text: string, score = 0.9): VisionHint => ({
  ...entity(text, score),
  source: "label",
});
const object = (text: string, score = 0.9): VisionHint => ({
  ...logo(text, score),
  source: "object",
});

const found = (texts: readonly string[], hints: readonly VisionHint[]) =>
  recognise(read(...texts), hints).aggregate;
const explained = (texts: readonly string[], hints: readonly VisionHint[]) =>
  recognise(read(...texts), hints)
    .evidence.filter(({ text }) => hints.some((hint) => hint.text === text))
    .map(({ about, how, value }) => `${about} ${value}: ${how}`);

describe("a logo", () => {
  test.each([
    ["CAT", "Caterpillar"],
    ["Caterpillar Inc.", "Caterpillar"],
    ["Komatsu", "Komatsu"],
    ["CASE Construction Equipment", "CASE"],
    ["Deere", "John Deere"],
  ])("of %s is the brand %s", (text, brand) => {
    expect(found([], [logo(text)])).toMatchObject({ brand, model: null, isConfident: true });
    expect(explained([], [logo(text)])).toEqual([`brand ${brand}: logo`]);
  });

  test.each(["Michelin", "Catalog", "Facebook"])("of %s is no brand, and says so", (text) => {
    expect(found([], [logo(text)])).toMatchObject({ brand: null, confidence: 0, name: "" });
    expect(explained([], [logo(text)])).toEqual([`ignored ${text}: logo: not a listed brand`]);
  });

  test("with a model that is written makes both, as sure as if the name were written", () => {
    expect(found(["320D"], [logo("Caterpillar")])).toMatchObject({
      brand: "Caterpillar",
      model: "320D",
      type: "Excavator",
      typeSource: "model_series",
      isConfident: true,
    });
  });

  test("beside the same name in text makes it surer", () => {
    const alone = found(["KOMATSU"], []).confidence;
    expect(found(["KOMATSU"], [logo("Komatsu")]).confidence).toBeGreaterThan(alone);
  });

  test("of differs from the written brand, with a model, does not win, and lowers the confidence", () => {
    const rivals = found(["KOMATSU", "PC200-8"], [logo("Volvo")]);
    expect(rivals).toMatchObject({ brand: "Komatsu", model: "PC200-8" });
    expect(rivals.confidence).toBeLessThan(found(["KOMATSU", "PC200-8"], []).confidence);
  });

  test("never stands against what is written without a model of its own beside it", () => {
    const written = found(["KOMATSU"], [logo("Volvo", 1)]);
    expect(written).toMatchObject({ brand: "Komatsu", isConfident: false });
    expect(explained(["KOMATSU"], [logo("Volvo", 1)])).toEqual([
      "ignored Volvo: logo: differs from the written brand",
    ]);
    const implied = found(["PC200-8"], [logo("Caterpillar", 1)]);
    expect(implied).toMatchObject({ brand: "Komatsu", model: "PC200-8", isConfident: false });
    const backed = found(["VOLVO", "320D"], [logo("Caterpillar", 1)]);
    expect(backed).toMatchObject({ brand: "Caterpillar", model: "320D" });
  });

  test("of the only maker of a model that is written alone makes it sure", () => {
    expect(found(["PC200-8"], [logo("Komatsu")])).toMatchObject({
      brand: "Komatsu",
      model: "PC200-8",
      isConfident: true,
    });
  });

  test("that is hardly one does not count", () => {
    expect(found([], [logo("Volvo", 0.2)]).brand).toBeNull();
    expect(explained([], [logo("Volvo", 0.2)])).toEqual(["ignored Volvo: logo: too uncertain"]);
  });
});

describe("the type", () => {
  test.each([
    ["Backhoe Loader", "Backhoe Loader"],
    ["backhoe loaders", "Backhoe Loader"],
    ["Skid-steer loader", "Skid Steer Loader"],
    ["Compact track loader", "Compact Track Loader"],
    ["Wheel loader", "Wheel Loader"],
    ["Loader (equipment)", "Loader"],
    ["Mini excavator", "Excavator"],
    ["Grader", "Motor Grader"],
    ["Articulated hauler", "Dump Truck"],
  ])("%s is a %s", (text, type) => {
    expect(found([], [entity(text)])).toMatchObject({ type, typeSource: "web_entity" });
  });

  test.each(["Downloader", "Construction", "Upholstery", ""])("%j is none", (text) => {
    expect(found([], [entity(text)]).type).toBeNull();
  });

  test("comes from the series, whatever the hints say", () => {
    const hints = [entity("Bulldozer", 1.2), label("Crane")];
    expect(found(["CAT", "320D"], hints)).toMatchObject({
      type: "Excavator",
      typeSource: "model_series",
    });
    expect(explained(["CAT", "320D"], hints)).toEqual([
      "ignored Bulldozer: web entity: another type, less specific",
      "ignored Crane: label: another type, less specific",
    ]);
  });

  test("otherwise from entity, best guess, label and object, in this order", () => {
    const hints = [
      object("Crane"),
      label("Forklift"),
      bestGuess("red bulldozer"),
      entity("Excavator"),
    ];
    const sourceOf = (some: readonly VisionHint[]) => {
      const { type, typeConfidence, typeSource } = found(["CAT"], some);
      return [typeSource, type, typeConfidence];
    };
    expect(sourceOf(hints)).toEqual(["web_entity", "Excavator", 0.9]);
    expect(sourceOf(hints.slice(0, 3))).toEqual(["web_best_guess", "Bulldozer", null]);
    expect(sourceOf(hints.slice(0, 2))).toEqual(["label", "Forklift", 0.9]);
    expect(sourceOf(hints.slice(0, 1))).toEqual(["object", "Crane", 0.9]);
  });

  test("is the kind before the family: a backhoe loader beside a loader", () => {
    const hints = [entity("Loader", 1.1), entity("Backhoe loader", 0.7)];
    expect(found(["CAT"], hints)).toMatchObject({ type: "Backhoe Loader", typeConfidence: 0.7 });
  });

  test("is not taken from a score below 0.6, and a score above 1 is 1", () => {
    expect(found([], [entity("Excavator", 0.59)]).type).toBeNull();
    expect(explained([], [entity("Excavator", 0.59)])).toEqual([
      "ignored Excavator: web entity: score below 0.6",
    ]);
    expect(found([], [entity("Excavator", 1.1)]).typeConfidence).toBe(1);
  });

  test("alone is a name and no confidence to speak of", () => {
    expect(found([], [entity("Excavator", 1.1)])).toMatchObject({
      brand: null,
      name: "Excavator",
      confidence: 0.3,
      isConfident: false,
    });
  });

  test("does not make brand or model surer", () => {
    expect(found(["CAT"], [entity("Excavator")]).confidence).toBe(found(["CAT"], []).confidence);
  });
});

describe("the web", () => {
  test("names brand and model where the picture names nothing, and is never confident", () => {
    const hints = [
      bestGuess("caterpillar 320d"),
      entity("Caterpillar 320D", 1.3),
      entity("Caterpillar", 1.2),
    ];
    expect(found([], hints)).toMatchObject({
      brand: "Caterpillar",
      model: "320D",
      type: "Excavator",
      typeSource: "model_series",
      isConfident: false,
    });
    expect(explained([], [bestGuess("caterpillar 320d")])).toEqual([
      "brand Caterpillar: web best guess",
      "model 320D: web best guess",
    ]);
  });

  test("opens the series for a model that is written alone, and is not confident either", () => {
    expect(found(["320D"], []).model).toBeNull();
    expect(found(["320D"], [entity("Caterpillar")])).toMatchObject({
      brand: "Caterpillar",
      model: "320D",
      isConfident: false,
    });
  });

  test("adds no model to a brand that is written", () => {
    expect(found(["CAT"], [bestGuess("cat 320d")])).toMatchObject({
      brand: "Caterpillar",
      model: null,
    });
    expect(explained(["CAT"], [bestGuess("cat 320d")])).toEqual([
      "ignored cat 320d: web best guess: the brand is known",
    ]);
  });

  test("does not contradict the picture", () => {
    const hints = [entity("Volvo", 1.4), bestGuess("volvo l120h")];
    expect(found(["KOMATSU", "PC200-8"], hints)).toEqual(found(["KOMATSU", "PC200-8"], []));
    expect(explained(["KOMATSU", "PC200-8"], hints)).toEqual([
      "ignored Volvo: web entity: differs from the brand in the picture",
      "ignored volvo l120h: web best guess: differs from the brand in the picture",
    ]);
  });

  test.each(["Cat", "Case", "Catalogue"])("%s alone is a word and no brand", (text) => {
    expect(found([], [entity(text)]).brand).toBeNull();
  });

  test("that names two brands alike is no answer", () => {
    expect(found([], [entity("Komatsu"), entity("Hitachi")]).brand).toBeNull();
  });
});

describe("any hints", () => {
  const names = catalogue.flatMap(({ name, series }) => [
    name,
    `${name} ${series[0]?.examples[0]}`,
  ]);
  const hint: fc.Arbitrary<VisionHint> = fc.record({
    source: fc.constantFrom("logo", "web_best_guess", "web_entity", "label", "object"),
    text: fc.oneof(
      fc.constantFrom(...names, "Backhoe loader", "Loader", "Cat"),
      fc.string({ unit: "binary", maxLength: 12 }),
    ),
    score: fc.option(fc.double({ min: -1, max: 2, noNaN: true })),
    box: fc.constantFrom(null, { x: 0.1, y: 0.2, width: 0.3, height: 0.1 }),
  });
  const hints = fc.array(hint, { maxLength: 8 });
  const texts = fc.array(fc.constantFrom(...names, "PC200-8", "930G"), { maxLength: 3 });

  test("give an answer of the agreed form, each with its evidence, in any order", () => {
    fc.assert(
      fc.property(texts, hints, (written, given) => {
        const { aggregate, evidence } = recognise(read(...written), given);
        Aggregate.parse(aggregate);
        for (const each of evidence) Evidence.parse(each);
        for (const { text } of given) expect(evidence.map((each) => each.text)).toContain(text);
        const other = recognise(read(...written), given.toReversed());
        expect(other.aggregate).toEqual(aggregate);
      }),
      { numRuns: 300 },
    );
  });

  test("without a logo never make an answer confident that is not so without them", () => {
    fc.assert(
      fc.property(texts, hints, (written, given) => {
        const weak = given.filter(({ source }) => source !== "logo");
        if (recognise(read(...written), weak).aggregate.isConfident)
          expect(recognise(read(...written)).aggregate.isConfident).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
