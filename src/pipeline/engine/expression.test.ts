import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TuError } from "../errors.ts";
import { evaluate, parseExpression } from "./expression.ts";
import { fill } from "./template.ts";

const scope = {
  input: { n: 5, text: "abc", yes: true, no: null, list: [{ id: 1 }, { id: 2 }] },
  steps: { classify: { output: { confidence: 0.85 }, result: { confidence: 0.85 } } },
};
const value = (source: string) => evaluate(parseExpression(source), scope);

describe("values", () => {
  test.each([
    ["steps.classify.result.confidence > 0.8", true],
    ["${steps.classify.output.confidence} >= 0.9", false],
    ["input.list[1].id == 2", true],
    ["input['text'] == \"abc\"", true],
    ["!input.yes || input.n <= 5 && input.n != 4", true],
    ["not input.yes or input.yes and true", true],
    ["(true || false) && false", false],
    ["input.n > 3 ? 'big' : 'small'", "big"],
    ["input.text < 'abd'", true],
  ])("%s is %s", (source, expected) => {
    expect(value(source)).toBe(expected);
  });
});

describe("missing values", () => {
  test.each([
    ["input.absent", undefined],
    ["input.absent.deeper[3].still", undefined],
    ["input.absent == null", true],
    ["input.no == null", true],
    ["input.absent != null", false],
    ["input.absent > 0", false],
    ["input.absent <= 0", false],
    ["!input.absent", true],
    ["input.absent && true", undefined],
    ["input.absent || 'fallback'", "fallback"],
    ["input.text > 3", false],
    ["input.n == '5'", false],
  ])("%s is %s", (source, expected) => {
    expect(value(source)).toBe(expected);
  });
  test.each(["input.constructor", "input.__proto__", "input.list.length", "input.toString"])(
    "%s reaches nothing but data",
    (source) => {
      expect(value(source)).toBeUndefined();
    },
  );
});

describe("what is not an expression", () => {
  test.each(["", "input.", "1 +", "input.a(1)", "a = 1", "'open", "(1", "1 2", "a ? b"])(
    "%j is refused with its place",
    (source) => {
      expect(() => parseExpression(source)).toThrow(TuError);
    },
  );
  test("depth and length are bounded", () => {
    expect(() => parseExpression(`${"(".repeat(100)}1${")".repeat(100)}`)).toThrow(/deeper/);
    expect(() => parseExpression(`'${"x".repeat(2000)}'`)).toThrow(/longer/);
  });
  test("any text parses or is refused, and what parses evaluates", () => {
    const piece = fc.constantFrom(
      "input",
      ".n",
      "[0]",
      " && ",
      " || ",
      "!",
      "(",
      ")",
      "1",
      "'a'",
      " == ",
      " < ",
      "?",
      ":",
      "${",
      "}",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((parts) => parts.join("")),
        ),
        (source) => {
          let parsed: ReturnType<typeof parseExpression>;
          try {
            parsed = parseExpression(source);
          } catch (error) {
            expect(error).toBeInstanceOf(TuError);
            return;
          }
          expect(() => evaluate(parsed, scope)).not.toThrow();
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("templates", () => {
  test("a whole marker keeps its type, inside a text it becomes text", () => {
    expect(fill({ n: "${input.n}", text: "n is ${input.n}!" }, scope)).toEqual({
      n: 5,
      text: "n is 5!",
    });
  });
  test("a missing value leaves its property out, is null in a list and empty in a text", () => {
    expect(fill({ gone: "${input.x}", list: ["${input.x}"], text: "<${input.x}>" }, scope)).toEqual(
      {
        list: [null],
        text: "<>",
      },
    );
  });
});
