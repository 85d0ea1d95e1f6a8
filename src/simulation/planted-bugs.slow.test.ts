import { expect, test } from "vitest";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

/** The first seed catches most; bugs that need a rare fault take longer. */
const seedsOfBugs = 300;

test.each(bugs.map((bug) => [bug.name, bug] as const))("%s is caught", async (_, bug) => {
  for (let seed = 1; seed <= seedsOfBugs; seed += 1) {
    if ((await simulate(seed, bug)).violations.length > 0) return;
  }
  expect.unreachable(`no seed up to ${seedsOfBugs} notices it`);
});
