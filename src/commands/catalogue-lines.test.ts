import { describe, expect, test } from "vitest";
import { widthOf } from "../adapters/terminal/width.ts";
import { catalogue } from "../pipeline/contracts/catalogue.ts";
import { flowNames } from "../pipeline/contracts/contract.ts";
import { describeTopology } from "../pipeline/operations/describe-topology.ts";
import { detailLines, summaryLines } from "./messages.ts";
import { textLines } from "./topology.ts";

const words = (lines: readonly string[]) => lines.join("").replaceAll(/\s/g, "");
const everything = (width: number) => ({
  catalogue: catalogue.flatMap((contract) => summaryLines(contract, width)),
  // The example is JSON, which is left as it is.
  messages: catalogue.flatMap((contract) => {
    const lines = detailLines(contract, width);
    return lines.slice(0, lines.indexOf("  example:"));
  }),
  ...Object.fromEntries(flowNames.map((flow) => [flow, textLines(describeTopology(flow), width)])),
});

describe.each([120, 80, 40])("in %i columns", (width) => {
  test.each(Object.entries(everything(width)))("%s fits", (_, lines) => {
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  test.each(Object.entries(everything(width)))("%s loses nothing", (name, lines) => {
    const whole = Object.entries(everything(Number.POSITIVE_INFINITY));
    expect(words(lines)).toBe(words(whole.find(([each]) => each === name)?.[1] ?? []));
  });
});

test("without a terminal, every message has one line", () => {
  expect(everything(Number.POSITIVE_INFINITY).catalogue).toHaveLength(catalogue.length);
});
