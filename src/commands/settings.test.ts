import { expect, test } from "vitest";
import { problemsOf, Settings } from "./settings.ts";

type Key = keyof Settings;
const problemOf = (key: Key, value: unknown): string | undefined => {
  const { error } = Settings.shape[key].safeParse(value);
  return error === undefined ? undefined : problemsOf(value, error);
};

const nothingFits = [null, true, 0.5, -1, [], {}, "\u0000", ["x y"]];

test("every setting says in our words what it must be, and what was found", () => {
  // Contexts have texts of their own, without what was found: it may be a secret.
  const keys = (Object.keys(Settings.shape) as Key[]).filter((key) => key !== "contexts");
  for (const key of keys)
    for (const value of nothingFits) {
      const problem = problemOf(key, value);
      if (problem === undefined) continue;
      expect(problem).toMatch(/must (be|not) .+\(found .+\)$/);
      expect(problem).not.toMatch(/Invalid|expected|Too (small|big)/);
    }
});

test.each([
  ["stateDir", 3, "must be a path (found 3)"],
  ["stateDir", "", "must not be empty"],
  ["flow", "x", 'must be one of current, full (found "x")'],
  ["concurrency", [2], "must be a whole number from 1 to 16 (found [2])"],
  ["concurrency", true, "must be a whole number from 1 to 16 (found true)"],
  ["concurrency", "17", 'must be a whole number from 1 to 16 (found "17")'],
  ["timeout", "0s", 'must be a duration above 0, such as 500ms, 30s, 10m or 30d (found "0s")'],
  ["keepFlows", -1, "must be a whole number of flows, 0 or more, or unlimited (found -1)"],
  ["keepFlows", "-1", 'must be a whole number of flows, 0 or more, or unlimited (found "-1")'],
  ["introspection", "maybe", 'must be true or false (found "maybe")'],
  ["introspection", 3, "must be true or false (found 3)"],
  ["allowedHosts", 3, "must be a list of host names (found 3)"],
  [
    "allowedHosts",
    "a,B:1",
    'entry 2 must be a host name in lower case, without a port (found "B:1")',
  ],
] as const)("%s: %j", (key, value, problem) => {
  expect(problemOf(key, value)).toBe(problem);
});

test("what is not an age may be unlimited", () => {
  for (const value of ["forever", "0s", 3])
    expect(problemOf("keepFor", value)).toContain("10m or 30d, or unlimited (found ");
});

test("credentials in a URL are not shown, nor are long values", () => {
  expect(problemOf("visionEndpoint", "ftp://me:secret@host")).toContain('(found "ftp://…@host")');
  expect(problemOf("flow", "x".repeat(1000))?.length).toBeLessThan(120);
});

test.each([
  ["concurrency", "3", 3],
  ["concurrency", 16, 16],
  ["keepFlows", "0", 0],
  ["keepFlows", "unlimited", "unlimited"],
  ["keepFor", "unlimited", "unlimited"],
  ["introspection", "true", true],
  ["allowedHosts", "a.example, b.example,", ["a.example", "b.example"]],
  ["allowedOrigins", ["https://a.example"], ["https://a.example"]],
] as const)("%s may be %j", (key, value, expected) => {
  expect(Settings.shape[key].parse(value)).toEqual(expected);
});
