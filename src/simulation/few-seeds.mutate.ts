import { expect, test } from "vitest";
import { simulate } from "./simulate.ts";

// Only for mutation testing, where it runs for every mutant: a few seeds, the last of which keep their journal in a
// file. `simulate.test.ts` makes the guarantees.
const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 40, 80, 120];

test.each(seeds)("seed %d breaks no promise", async (seed) => {
  const { violations } = await simulate(seed);
  expect(violations).toEqual([]);
});
