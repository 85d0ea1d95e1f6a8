// Runs the simulation over many seeds: npm run simulate -- --seeds 10000 [--from 1] [--bugs] [--seed 42]
import { parseArgs } from "node:util";
import { bugs } from "../src/simulation/bugs.ts";
import { simulate } from "../src/simulation/simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    bugs: { type: "boolean", default: false },
  },
});
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
let failed = 0;

if (values.bugs) {
  for (const bug of bugs) {
    const caughtAt = await firstViolation(bug, 1000);
    if (caughtAt === undefined) failed += 1;
    console.log(
      caughtAt === undefined ? `MISSED  ${bug.name}` : `caught  ${bug.name}: seed ${caughtAt}`,
    );
  }
  console.log(`${bugs.length - failed} passed, ${failed} failed`);
} else {
  const startedAt = Date.now();
  let steps = 0;
  let crashes = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const run = await simulate(seed);
    steps += run.steps;
    crashes += run.crashes;
    if (run.violations.length === 0) continue;
    failed += 1;
    console.log(`seed ${seed} (${run.flow}):`);
    for (const violation of run.violations) console.log(`  ${violation}`);
    if (failed >= 20) break;
  }
  const seconds = (Date.now() - startedAt) / 1000;
  console.log(`${count} seeds, ${steps} steps, ${crashes} crashes in ${seconds.toFixed(1)} s`);
  console.log(`${count - failed} passed, ${failed} failed`);
}
process.exitCode = failed === 0 ? 0 : 1;

async function firstViolation(
  bug: (typeof bugs)[number],
  seedsMax: number,
): Promise<number | undefined> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    if ((await simulate(seed, bug)).violations.length > 0) return seed;
  }
  return undefined;
}
