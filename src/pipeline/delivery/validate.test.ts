import { expect, test } from "vitest";
import * as z from "zod";
import { validate } from "./validate.ts";

const schema = (seen: unknown[] = []) =>
  z.object({ text: z.string() }).refine((value) => {
    seen.push(value);
    return true;
  });

test("returns the schema's output, parsing once", () => {
  const seen: unknown[] = [];
  const one = schema(seen);
  const first = validate(one, { text: "a", unasked: 1 });
  expect(first).toEqual({ success: true, data: { text: "a" } });
  const second = validate(one, first.data);
  expect(second.data).toBe(first.data);
  expect(seen).toHaveLength(1);
});

test("parses what another schema returned, and what none did", () => {
  const seen: unknown[] = [];
  const first = validate(schema(), { text: "a" });
  const one = schema(seen);
  validate(one, first.data);
  validate(one, { text: "a" });
  expect(seen).toHaveLength(2);
});

test.each([5, null, undefined, "text", { text: 5 }])(
  "%j is not valid, however often",
  (payload) => {
    const one = schema();
    for (let time = 0; time < 2; time += 1) expect(validate(one, payload).success).toBe(false);
  },
);
