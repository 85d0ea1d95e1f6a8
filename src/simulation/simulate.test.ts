import { expect, test } from "vitest";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

// The short run; `npm run simulate -- --seeds 10000` is the long one, which CI runs too.
const seeds = Array.from({ length: 25 }, (_, index) => index + 1);
/** Few, but they catch most bugs. */
const seedsOfBugs = 5;

test("nothing is lost, nothing double, nothing stuck", async () => {
  let [crashes, completed, failed] = [0, 0, 0];
  for (const seed of seeds) {
    const run = await simulate(seed);
    crashes += run.crashes;
    completed += run.completed;
    failed += run.failed;
    expect(run.violations, `seed ${seed}`).toEqual([]);
  }
  expect(crashes).toBeGreaterThan(seeds.length);
  expect(completed).toBeGreaterThan(3 * failed);
});

test("the same seed is the same run, step by step", async () => {
  const onFile = 40;
  for (const seed of [...seeds.slice(0, 5), onFile])
    expect(await simulate(seed)).toEqual(await simulate(seed));
  const prints = await Promise.all(
    [1, 2, 3].map(async (seed) => (await simulate(seed)).fingerprint),
  );
  expect(new Set(prints).size).toBe(3);
});

test("planted bugs are caught; `planted-bugs.slow.test.ts` plants all of them", async () => {
  const caught = new Set<string>();
  for (const bug of bugs)
    for (let seed = 1; seed <= seedsOfBugs && !caught.has(bug.name); seed += 1)
      if ((await simulate(seed, bug)).violations.length > 0) caught.add(bug.name);
  expect(caught.size).toBeGreaterThan(bugs.length / 2);
});
