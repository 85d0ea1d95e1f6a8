import { expect, test } from "vitest";
import { createOutages } from "./outages.ts";

let nowMs = 0;
const at = (ms: number) => {
  nowMs = ms;
};

test("all outages since then count, including one in progress", () => {
  const outages = createOutages({ nowMs: () => nowMs });
  at(100);
  outages.end(); // none has begun
  outages.begin();
  at(130);
  outages.begin(); // already begun
  expect(outages.isOn()).toBe(true);
  expect(outages.ms(0)).toBe(30);
  at(200);
  outages.end();
  expect(outages.isOn()).toBe(false);
  at(500);
  outages.end(); // over
  expect(outages.ms(0)).toBe(100);
  expect(outages.ms(150)).toBe(50);
  expect(outages.ms(300)).toBe(0);
  outages.begin();
  at(510);
  expect(outages.ms(150)).toBe(60);
});

test("only the most recent outages are remembered", () => {
  const outages = createOutages({ nowMs: () => nowMs });
  for (let count = 0; count < 101; count += 1) {
    at(count * 10);
    outages.begin();
    at(count * 10 + 1);
    outages.end();
  }
  expect(outages.ms(0)).toBe(100);
  expect(outages.ms(10)).toBe(100);
});
