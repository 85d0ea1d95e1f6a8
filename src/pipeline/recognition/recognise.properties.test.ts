import fc from "fast-check";
import { expect, test } from "vitest";
import type { ReadText } from "../ports/vision.ts";
import { catalogue, seriesOf } from "./catalogue.ts";
import { Aggregate, Evidence, isEnough, recognise } from "./recognise.ts";

const examples = catalogue.flatMap(({ series }) => series.flatMap((each) => each.examples));
const names = catalogue.flatMap(({ name, aliases }) => [name, ...aliases]);

const word = fc.oneof(
  fc.constantFrom(...names),
  fc.constantFrom(...examples),
  fc.constantFrom(
    "FLEET",
    "No.",
    "24V",
    "LD",
    "29",
    "XYZ",
    "Hire",
    "Ltd",
    "PON",
    "0800",
    "-8",
    "G",
  ),
  fc.stringMatching(/^[A-Z0-9-]{1,8}$/),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const part = fc.double({ min: 0, max: 1, noNaN: true });
const readText: fc.Arbitrary<ReadText> = fc.record({
  text: fc.array(word, { maxLength: 3 }).map((words) => words.join(" ")),
  confidence: part,
  box: fc.record({ x: part, y: part, width: part, height: part }),
  preparation: fc.constantFrom("line-plain-grey", "line-flat-grey", "page-grey@1200"),
});
const texts = fc.array(readText, { maxLength: 12 });

test("any text gives an answer of the agreed form", () => {
  fc.assert(
    fc.property(texts, (read) => {
      const { aggregate, evidence } = recognise(read);
      Aggregate.parse(aggregate);
      for (const each of evidence) Evidence.parse(each);
      expect(typeof isEnough(read)).toBe("boolean");
    }),
    { numRuns: 400 },
  );
});

test("the order of the texts does not matter, and asking twice gives the same", () => {
  const shuffled = texts.chain((read) =>
    fc.tuple(fc.constant(read), fc.shuffledSubarray(read, { minLength: read.length })),
  );
  fc.assert(
    fc.property(shuffled, ([read, other]) => {
      expect(recognise(other)).toEqual(recognise(read));
      expect(isEnough(other)).toBe(isEnough(read));
    }),
    { numRuns: 200 },
  );
});

test("a model always belongs to a series of its brand, and its type to that series", () => {
  fc.assert(
    fc.property(texts, (read) => {
      const { brand, model, type, name } = recognise(read).aggregate;
      if (model === null) {
        expect(type).toBeNull();
        return;
      }
      const maker = catalogue.find((candidate) => candidate.name === brand);
      const series = maker ? seriesOf(maker, model.replaceAll(" ", "")) : [];
      expect(series.length).toBeGreaterThan(0);
      if (type !== null) expect(series.map((each) => each.type)).toContain(type);
      expect(name.startsWith(maker?.name ?? "?")).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test("nothing that was read is changed", () => {
  fc.assert(
    fc.property(texts, (read) => {
      const before = structuredClone(read);
      recognise(read);
      expect(read).toEqual(before);
    }),
    { numRuns: 50 },
  );
});
