import { describe, expect, test } from "vitest";
import * as z from "zod";
import { catalogue } from "../contracts/catalogue.ts";
import { examplePayload } from "../delivery/wire-shape.ts";
import { pathsOf, withField } from "./set-fields.ts";

const schema = z.object({
  name: z.string(),
  year: z.string().nullable().default(null),
  count: z.int().nullable(),
  inner: z.object({ isGood: z.boolean(), list: z.array(z.object({ a: z.number() })) }),
});
const payload = { name: "n", year: null, count: 1, inner: { isGood: true, list: [{ a: 1 }] } };

test.each([
  ["name=other", { name: "other" }],
  ["name=12", { name: "12" }],
  ['name="12"', { name: "12" }],
  ["NAME=", { name: "" }],
  ["name=a=b", { name: "a=b" }],
  ["year=2019", { year: "2019" }],
  ["year=null", { year: null }],
  ["count=7", { count: 7 }],
  ["count=seven", { count: "seven" }],
  ["inner.isgood=false", { inner: { isGood: false, list: [{ a: 1 }] } }],
  ["inner.list.0.a=2.5", { inner: { isGood: true, list: [{ a: 2.5 }] } }],
  ["inner.list[1].a=3", { inner: { isGood: true, list: [{ a: 1 }, { a: 3 }] } }],
  ["inner.list=[]", { inner: { isGood: true, list: [] } }],
])("%s", (assignment, change) => {
  expect(withField(payload, assignment, schema)).toEqual({ ...payload, ...change });
});

test("the payload itself is not changed", () => {
  const before = structuredClone(payload);
  withField(payload, "inner.list.0.a=9", schema);
  expect(payload).toEqual(before);
});

test("an unknown path names the valid ones, and what is meant", () => {
  expect(() => withField(payload, "inner.isGod=1", schema)).toThrow(
    expect.objectContaining({
      code: "E_USAGE",
      hint: "did you mean inner.isGood? valid are name, year, count, inner.isGood, inner.list.0.a",
    }),
  );
  for (const wrong of ["name.x=1", "inner.list.x=1", "=1", "name", "inner.list.0.b=1"])
    expect(() => withField(payload, wrong, schema)).toThrow(
      expect.objectContaining({ code: "E_USAGE" }),
    );
});

describe("every path of every message", () => {
  const routes = catalogue.flatMap((contract) =>
    contract.routes.map((route) => ({ name: contract.name, contract, route })),
  );
  test.each(routes)("$name", ({ contract, route }) => {
    const example = examplePayload(contract, route);
    for (const path of pathsOf(route.body))
      expect(withField(example, `${path}=null`, route.body)).not.toEqual(undefined);
    expect(pathsOf(route.body).length).toBeGreaterThan(0);
  });
});
