import fc from "fast-check";
import { expect, test } from "vitest";
import { bitsApart } from "../../domain/picture.ts";
import type { Picture } from "../../ports/fingerprints.ts";
import type { Machine } from "../../ports/machines.ts";
import { type Candidate, compare } from "./compare.ts";

const hash = (bits: number) => ((1n << BigInt(bits)) - 1n).toString(16).padStart(64, "0");
const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  brand: "Komatsu",
  type: "Excavator",
  model: "PC200",
  checksum: "c1",
  perceptualHash: hash(0),
  ...more,
});
const machine = (id: string, more: Partial<Machine> = {}): Machine => ({
  id,
  brand: "Komatsu",
  type: "Excavator",
  model: "PC200",
  name: "",
  confidence: 1,
  firstSeenAt: "",
  lastSeenAt: "",
  sightings: [],
  resembles: [],
  ...more,
});
const print = (checksum: string, bits: number): Picture => ({
  checksum,
  perceptualHash: hash(bits),
});

test("nothing stored is new", () => {
  expect(compare(candidate(), [])).toEqual({ verdict: "new", matches: [] });
});
test("the same file is known, whatever was recognised this time", () => {
  const stored = [{ machine: machine("m1", { model: "PC210" }), pictures: [print("c1", 200)] }];
  expect(compare(candidate(), stored)).toMatchObject({
    verdict: "known",
    matches: [{ machineId: "m1", score: 1, reasons: ["the same file"] }],
  });
});
test("the same picture saved again is known", () => {
  const stored = [{ machine: machine("m1"), pictures: [print("c2", 12)] }];
  expect(compare(candidate(), stored).verdict).toBe("known");
});
test("a picture that looks the same with another model on it is not", () => {
  const stored = [{ machine: machine("m1", { model: "PC210" }), pictures: [print("c2", 3)] }];
  expect(compare(candidate(), stored)).toEqual({ verdict: "new", matches: [] });
});
test("another picture of the same model is ambiguous, with its reasons, never known", () => {
  fc.assert(
    fc.property(fc.integer({ min: 21, max: 256 }), (bits) => {
      const stored = [{ machine: machine("m1"), pictures: [print("c2", bits)] }];
      const { matches, verdict } = compare(candidate(), stored);
      expect(verdict).toBe("ambiguous");
      expect(matches[0]?.reasons[0]).toContain("same brand and model");
    }),
  );
});
test.each([
  ["Caterpillar", "Caterpillar Inc.", "ambiguous"],
  ["CAT", "Caterpillar", "ambiguous"],
  ["Acme", "ACME Ltd.", "ambiguous"],
  ["Caterpillar", "Komatsu Ltd.", "new"],
  ["Acme", "Caterpillar", "new"],
])("%s and %s of one model: %s", (brand, stored, verdict) => {
  for (const [mine, theirs] of [
    [brand, stored],
    [stored, brand],
  ] as const) {
    const known = { machine: machine("m1", { brand: theirs }), pictures: [print("c2", 255)] };
    expect(compare(candidate({ brand: mine }), [known]).verdict).toBe(verdict);
  }
});
test("the same picture is known when only the brand's spelling differs", () => {
  const stored = [
    { machine: machine("m1", { brand: "KOMATSU LTD" }), pictures: [print("c2", 12)] },
  ];
  expect(compare(candidate(), stored).verdict).toBe("known");
});
test("best first, at most five, the same order for the same scores", () => {
  const stored = ["e", "a", "d", "b", "f", "c"].map((id) => ({
    machine: machine(id),
    pictures: [print("c2", 255)],
  }));
  expect(compare(candidate(), stored).matches.map(({ machineId }) => machineId)).toEqual([
    "a",
    "b",
    "c",
    "d",
    "e",
  ]);
});
test("bits apart is a distance", () => {
  const anyHash = fc.stringMatching(/^[0-9a-f]{64}$/);
  fc.assert(
    fc.property(anyHash, anyHash, anyHash, (a, b, c) => {
      expect(bitsApart(a, a)).toBe(0);
      expect(bitsApart(a, b)).toBe(bitsApart(b, a));
      expect(bitsApart(a, c)).toBeLessThanOrEqual(bitsApart(a, b) + bitsApart(b, c));
    }),
  );
});
