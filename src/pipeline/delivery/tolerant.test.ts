import { expect, test } from "vitest";
import * as z from "zod";
import { describeIssues } from "./issues.ts";
import { respell } from "./tolerant.ts";

const Part = z.object({ partName: z.string() });
const Whole = z.object({
  machineType: z.string().nullable().meta({ alias: "type" }),
  parts: z.array(Part).optional(),
  first: Part.nullish(),
  last: Part.default({ partName: "none" }),
});

test.each([
  [
    "names in any case",
    { MACHINETYPE: "a", Parts: [{ PARTNAME: "b" }] },
    { machineType: "a", parts: [{ partName: "b" }] },
  ],
  [
    "behind what may be left out",
    { first: { partname: "b" }, last: { partname: "c" } },
    { first: { partName: "b" }, last: { partName: "c" } },
  ],
  ["under its other name", { Type: "a" }, { machineType: "a" }],
  ["under its own name first", { type: "b", machinetype: "a" }, { machineType: "a" }],
  ["where there is something", { machineType: null, type: "b" }, { machineType: "b" }],
  ["as nothing where there is nothing", { machineType: null, type: null }, { machineType: null }],
  ["left out where it is missing, with what nobody asked for", { other: 1 }, {}],
  ["a list that is none as it is", { parts: { a: 1 } }, { parts: { a: 1 } }],
  ["an object that is none as it is", { first: [1], last: "a" }, { first: [1], last: "a" }],
])("a value is read: %s", (_, given, read) => {
  expect(respell(Whole, given)).toEqual(read);
});

test.each([[null], ["text"], [7], [[1]]])("%j is no object, and stays what it is", (value) => {
  expect(respell(Whole, value)).toBe(value);
});

test("every problem is named with its place", () => {
  const { error } = Whole.safeParse({ machineType: 1, parts: [{ partName: 2 }] });
  if (error === undefined) throw new Error("it is wrong");
  expect(describeIssues(error)).toMatch(/^machineType: .+; parts\.0\.partName: .+$/);
  const { error: whole } = Whole.safeParse(7);
  if (whole === undefined) throw new Error("it is wrong");
  expect(describeIssues(whole)).toMatch(/^body: .+$/);
});
