import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TuError } from "../errors.ts";
import { evaluate, parseExpression, pathsOf } from "./expression.ts";
import { fill } from "./template.ts";

const scope = {
  input: {
    ...{ "with-dash": "dashed", with_line2: "lined" },
    n: 5,
    text: "abc",
    yes: true,
    no: null,
    list: [{ id: 1 }, { id: 2 }],
  },
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
    ["input.text < 'abc'", false],
    ["input.text <= 'abc'", true],
    ["input.text > 'abb'", true],
    ["input.text > 'abc'", false],
    ["input.text >= 'abc'", true],
    ["input.text >= 'abd'", false],
    ["input.n < 5", false],
    ["input.n < 6", true],
    ["input.n <= 5", true],
    ["input.n <= 4", false],
    ["input.n > 5", false],
    ["input.n >= 5", true],
    ["input.n >= 6", false],
    ["input.n != 5", false],
    ["input.n == 5.0", true],
    ["12.75", 12.75],
    ["'it is \"so\"'", 'it is "so"'],
    ['"it\'s"', "it's"],
    ["''", ""],
    ["false", false],
    ["null", null],
    ["not not input.n", true],
    ["!!!input.n", false],
    ["not (input.n == 5)", false],
    ["false or 'last'", "last"],
    ["0 or ''", ""],
    ["1 and 0", 0],
    ["'' and 1", ""],
    ["null and 1", null],
    ["false && false || true", true],
    ["true || false && false", true],
    ["false ? 1 : false ? 2 : 3", 3],
    ["true ? false ? 1 : 2 : 3", 2],
    ["'' ? 'yes' : 'no'", "no"],
    ["'a' ? 'yes' : 'no'", "yes"],
    ["  input . n  ", 5],
    ["input.list [ 0 ] . id", 1],
    ["input['list'][1]['id']", 2],
    ["${input.n} == ${input.n} && ${true}", true],
    ["input.with-dash", "dashed"],
    ["input.with_line2", "lined"],
    ["notable", undefined],
    ["input.list == input.list", true],
    ["input.list[0] == input.list[1]", false],
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
    ["input.no == input.absent", true],
    ["input.no != null", false],
    ["input.absent < 1", false],
    ["input.no >= 0", false],
    ["'a' < 1", false],
    ["1 < 'a'", false],
    ["true > false", false],
    ["input.list > 0", false],
    ["0 == false", false],
    ["'' == null", false],
    ["0 == null", false],
    ["!input.no", true],
    ["!0", true],
    ["!''", true],
    ["!'0'", false],
    ["input.n.deeper", undefined],
    ["input.text[0]", undefined],
    ["input.list['0']", undefined],
    ["input.list[7]", undefined],
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
  test.each([
    ["", 1, "unexpected end"],
    ["1 +", 2, "unexpected character"],
    ["a = 1", 2, "unexpected character"],
    ["(1", 3, "expected )"],
    ["1 2", 2, "expected the end"],
    ["a ? b", 6, "expected :"],
    ["input.", 7, "expected a key"],
    ["input.'a'", 7, "expected a key"],
    ["input[a]", 7, "expected a key"],
    ["input[0", 8, "expected ]"],
    ["== 1", 1, "expected a value"],
    ["a == )", 5, "expected a value"],
    ["a < b < c", 6, "expected the end"],
    ["'it's", 5, "expected the end"],
  ])("%j is refused at its place, with the reason", (source, at, why) => {
    expect(() => parseExpression(source)).toThrow(
      expect.objectContaining({
        code: "E_EXPRESSION_INVALID",
        message: expect.stringContaining(`at ${at}: ${why}`),
        hint: expect.stringContaining("a ? b : c"),
      }),
    );
  });
  test("a long one is shown by its beginning", () => {
    const source = `1 ${"x".repeat(100)}`;
    const shown = (text: string) =>
      expect.objectContaining({ message: expect.stringContaining(`in \`${text}\` at`) });
    expect(() => parseExpression(source)).toThrow(shown(`${source.slice(0, 80)}…`));
    expect(() => parseExpression(source.slice(0, 80))).toThrow(shown(source.slice(0, 80)));
  });
  test("exactly as deep and as long as is allowed parses", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}1${")".repeat(depth)}`;
    expect(value(nested(49))).toBe(1);
    expect(() => parseExpression(nested(50))).toThrow("nested deeper than 50");
    expect(value(`(${nested(40)}) == (${nested(40)})`)).toBe(true);
    const long = (length: number) => `'${"x".repeat(length - 2)}'`;
    expect(String(value(long(1000)))).toHaveLength(998);
    expect(() => parseExpression(long(1001))).toThrow("longer than 1000 characters");
  });
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

test("every path of an expression is found, with its first key", () => {
  const found = (source: string) => pathsOf(parseExpression(source));
  expect(found("input.a.b > steps.x.output ? variables : !workflow.id && error[0]")).toEqual([
    { root: "input", first: "a" },
    { root: "steps", first: "x" },
    { root: "variables" },
    { root: "workflow", first: "id" },
    { root: "error" },
  ]);
  expect(found("a or b and 'text' == null")).toEqual([{ root: "a" }, { root: "b" }]);
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
