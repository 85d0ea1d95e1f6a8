import { expect, test } from "vitest";
import { simulate } from "./simulate.ts";

// For mutation testing alone, where it runs for every mutant: a few seeds, of which the last ones have their
// journal on file. `simulate.test.ts` has the promises.
const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 40, 80, 120];

test.each(seeds)("seed %d breaks no promise", async (seed) => {
  const { violations } = await simulate(seed);
  expect(violations).toEqual([]);
});
