import { expect, test } from "vitest";
import { alphabetOf, decode } from "./decode.ts";

// The network's classes: blank, the dictionary's glyphs, a space.
const alphabet = alphabetOf("中\nA\n2\n-\n");

/** Per step: the most likely class and its probability. */
function output(...steps: readonly (readonly [row: number, probability: number])[]): Float32Array {
  const classes = 6;
  const data = new Float32Array(steps.length * classes);
  for (const [index, [row, probability]] of steps.entries())
    data[index * classes + row] = probability;
  return data;
}

const said = (data: Float32Array, steps: number) =>
  decode(data, steps, alphabet)
    .map(({ text }) => text)
    .join("");

test("repetitions are one sign, unless a blank stands between them", () => {
  expect(said(output([2, 0.9], [2, 0.8], [3, 0.9]), 3)).toBe("A2");
  expect(said(output([2, 0.9], [0, 0.9], [2, 0.8]), 3)).toBe("AA");
});

test("a sign has its best probability and the place of its first step", () => {
  const [sign] = decode(output([0, 0.9], [2, 0.6], [2, 0.8], [0, 0.9]), 4, alphabet);
  expect(sign).toEqual({ text: "A", probability: expect.closeTo(0.8), at: 1.5 / 4 });
});

test("glyphs of other scripts are not considered, and what is left of them is unlikely", () => {
  const [sign] = decode(Float32Array.from([0.01, 0.95, 0.04, 0, 0, 0]), 1, alphabet);
  expect(sign).toEqual({ text: "A", probability: expect.closeTo(0.04), at: 0.5 });
});

test("the last row is a space, with and without an empty last line of the dictionary", () => {
  expect(said(output([2, 0.9], [5, 0.9], [3, 0.9]), 3)).toBe("A 2");
  expect(alphabetOf("中\nA\n2\n-")).toEqual(alphabet);
});
