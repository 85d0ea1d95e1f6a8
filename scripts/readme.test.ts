import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCodes } from "../src/pipeline/errors.ts";

test("the README's table of exit codes has each of them, once and in order", () => {
  const readme = readFileSync(join(import.meta.dirname, "..", "README.md"), "utf8");
  const [, section = ""] = readme.split("\n## Exit codes\n");
  const [table = ""] = section.split("\n## ");
  const rows = [...table.matchAll(/^\| ([\d, ]+) \|/gm)];
  const codes = rows.flatMap(([, cell = ""]) => cell.split(",").map(Number));
  expect(codes).toEqual(Object.values(exitCodes));
});
