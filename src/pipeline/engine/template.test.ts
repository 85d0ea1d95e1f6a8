import { describe, expect, test } from "vitest";
import { expressionsIn, fill } from "./template.ts";

const scope = {
  input: { n: 5, text: "abc", no: null, object: { a: [1] }, list: [1, 2], yes: false },
};

describe("what is not a marker", () => {
  test.each([5, true, null, "plain", "a $ {b}", [1, [2]], { a: { b: null } }])(
    "%j stays as it is",
    (value) => {
      expect(fill(value, scope)).toEqual(value);
    },
  );
});

describe("a marker", () => {
  test.each([
    ["${input.n}", 5],
    ["${input.object}", { a: [1] }],
    ["${input.no}", null],
    ["${input.yes}", false],
    ["${input.n > 3 ? 'big' : 'small'}", "big"],
    ["${input.absent}", undefined],
  ])("that is the whole text gives the value itself: %s", (template, value) => {
    expect(fill(template, scope)).toEqual(value);
  });

  test.each([
    ["n=${input.n}", "n=5"],
    ["${input.n} n", "5 n"],
    ["${input.n}${input.text}", "5abc"],
    ["<${input.no}|${input.absent}>", "<|>"],
    ["${input.object}!", '{"a":[1]}!'],
    ["is ${input.yes}", "is false"],
    ["is ${input.list}", "is [1,2]"],
  ])("inside a text gives its text: %s", (template, text) => {
    expect(fill(template, scope)).toBe(text);
  });

  test("is filled however deep it stands", () => {
    const template = { a: [{ b: "${input.n}" }], gone: { x: "${input.absent}" } };
    expect(fill(template, scope)).toEqual({ a: [{ b: 5 }], gone: {} });
  });
});

test("all expressions of a template are found, and nothing else is one", () => {
  const template = {
    text: "${input.n} and ${input.text}",
    list: ["${input.list[0]}", 5, null, true],
    deep: { none: "plain", empty: null },
  };
  expect(
    expressionsIn(template).map((found) => (found.type === "path" ? found.keys : found)),
  ).toEqual([["n"], ["text"], ["list", 0]]);
  for (const nothing of [null, 5, "plain", undefined]) expect(expressionsIn(nothing)).toEqual([]);
  expect(() => expressionsIn({ a: "${input.}" })).toThrow(
    expect.objectContaining({ code: "E_EXPRESSION_INVALID" }),
  );
});
