import { expect, test } from "vitest";
import { counted } from "./counted.ts";

test("one is one, and anything else is several", () => {
  expect([0, 1, 2, 1200].map((count) => counted(count, "flow"))).toEqual([
    "0 flows",
    "1 flow",
    "2 flows",
    "1,200 flows",
  ]);
});
