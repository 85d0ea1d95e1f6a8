import { expect, test } from "vitest";
import { lineOfKey } from "./key-line.ts";

const json = `{
  "contexts": {
    "a": { "flow": "current", "list": [{ "timeout": "x" }] }
  },
  "note": "\\"flow\\": 1, {",
  "flow": "full",
  "tu-analyze": { "timeout": "1m",
    "flow": "x" }
}`;

test.each([
  [["flow"], 6],
  [["contexts"], 2],
  [["contexts", "a", "flow"], 3],
  [["tu-analyze", "flow"], 8],
  [["timeout"], null],
  [["note"], 5],
])("%j is in line %j", (path, line) => {
  expect(lineOfKey(json, path, "json")).toBe(line);
});

test("a YAML file has its outermost keys at the beginning of lines", () => {
  const yaml = 'contexts:\n  a:\n    flow: current\n"timeout" : 1m\nflow: full\n';
  expect(lineOfKey(yaml, ["flow"], "yaml")).toBe(5);
  expect(lineOfKey(yaml, ["timeout"], "yaml")).toBe(4);
  expect(lineOfKey(yaml, ["port"], "yaml")).toBe(null);
});
