import { expect, test } from "vitest";
import { distinctNames } from "./distinct-names.ts";

test.each([
  [
    ["a/1.jpg", "a/2.jpg"],
    ["1.jpg", "2.jpg"],
  ],
  [
    ["x/a/1.jpg", "x/b/1.jpg", "c.jpg"],
    ["a/1.jpg", "b/1.jpg", "c.jpg"],
  ],
  [
    ["a/x/1.jpg", "b/x/1.jpg"],
    ["a/x/1.jpg", "b/x/1.jpg"],
  ],
  [
    ["1.jpg", "a/1.jpg"],
    ["1.jpg", "a/1.jpg"],
  ],
  [
    ["1.jpg", "1.jpg", "-"],
    ["1.jpg", "1.jpg", "stdin"],
  ],
])("%j are called %j", (paths, names) => {
  expect(distinctNames(paths)).toEqual(names);
});
