import { describe, expect, test } from "vitest";
import { helpLines } from "./help-layout.ts";
import { helpTexts } from "./help-text.ts";

/** What a shell would run: a line that ends in a backslash goes on in the next. */
const asShell = (lines: readonly string[]) =>
  lines
    .join("\n")
    .replace(/ \\\n +/g, " ")
    .split("\n")
    .map((line) => line.trim());

describe.each([120, 80, 40])("in %i columns", (width) => {
  test.each(Object.entries(helpTexts))("the help of %s fits", (_, text) => {
    for (const line of helpLines(text, width))
      if (!/[~:]\/\S*$|=\S+,/.test(line)) expect(line.length).toBeLessThanOrEqual(width);
  });

  test.each(Object.entries(helpTexts))("the examples of %s stay whole commands", (_, text) => {
    const lines = asShell(helpLines(text, width));
    for (const [command] of text.examples)
      expect(lines.some((line) => line.startsWith(command))).toBe(true);
  });
});

test("meanings are beside all terms, or below all of them", () => {
  const exitCodes = [
    ["0", "done"],
    ["130, 143", "interrupted, or terminated"],
  ] as const;
  const lines = (width: number) => helpLines({ examples: [], exitCodes }, width).slice(-4);
  expect(lines(40)).toContain("  0         done");
  expect(lines(34)).toEqual([
    ...["  0", "      done"],
    ...["  130, 143", "      interrupted, or terminated"],
  ]);
});
