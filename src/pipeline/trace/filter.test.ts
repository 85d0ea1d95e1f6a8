import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readFilter } from "./filter.ts";

const fields = ["name", "kind", "header", "body", "note"];
const record = {
  name: "analysis.completed",
  kind: "event",
  header: { "x-producer": "ingestion" },
  body: { Aggregate: { confidence: 0.45, tags: ["a", "b"] }, count: 12, text: "timed  out" },
  note: null,
};
const fits = (text: string) => readFilter(text, fields)(record);

test("an empty filter fits everything", () => {
  expect(fits("")).toBe(true);
  expect(fits("  ")).toBe(true);
});

test.each([
  ["name=analysis.completed", true],
  ["name=ANALYSIS.*", true],
  ["name=analysis", false],
  ["name=analysis.*d kind=event", true],
  ["name=analysis.* kind=command", false],
  ["name!=analysis.*", false],
  ["!name=analysis.*", false],
  ["!name!=analysis.*", true],
  ["!kind=command", true],
  ["header.x-producer=ingestion", true],
  ["HEADER.X-Producer=ingestion", true],
  ["body.aggregate.confidence<0.5", true],
  ["body.aggregate.confidence>=0.45", true],
  ["body.aggregate.confidence<=0.44", false],
  ["body.count>9", true],
  ["name>analysis.a", true],
  ["body.missing>0", false],
  ["body.missing<0", false],
  ["body.aggregate.tags=b", true],
  ["body.aggregate.tags=c", false],
  ['body.text~"time.? +out"', true],
  ['body.text="timed  out"', true],
  ["note", false],
  ["!note", true],
  ["body.aggregate", true],
  ["body.aggregate~confidence", true],
  ["name=analysis+completed", false],
])("%s is %s", (text, is) => expect(fits(text)).toBe(is));

describe("what is refused", () => {
  test.each(["=x", "a b c=", "nmae=x", "body~[", "!", "name==x y.=", 'name="x', "name=a \u0000=b"])(
    "%j",
    (text) => {
      expect(() => readFilter(text, fields)).toThrow(expect.objectContaining({ code: "E_USAGE" }));
    },
  );
});

test("any text is a filter, or an error with a code", () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (text, body) => {
      try {
        readFilter(text, fields)({ ...record, body });
      } catch (error) {
        expect(error).toMatchObject({ code: "E_USAGE" });
      }
    }),
  );
});
