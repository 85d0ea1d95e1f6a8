// G5: from the start of a process to the first reading of a picture, on either runtime.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { byTurns, type Figure, type Sample, secondsOf, spread } from "./measure.ts";

const root = join(import.meta.dirname, "..");
/** Installed by `npm ci --ignore-scripts --prefix bench/native`. */
const packages = join(import.meta.dirname, "native", "node_modules");

/** Needs several looks, like most photographs: its model is small. */
const picture = join(root, "fixtures", "images", "jcb-3cx-angled.jpg");

export async function firstAnswer(rounds: number): Promise<readonly Figure[]> {
  const runtimes = existsSync(packages) ? (["wasm", "native"] as const) : (["wasm"] as const);
  if (runtimes.length === 1) console.log("G5   native is left out: bench/native is not installed");
  const samples = await byTurns(
    rounds,
    runtimes.map((runtime) => () => secondsOf(() => recognise(runtime))),
  );
  return samples.map((sample, at) => figureOf(runtimes[at] ?? "wasm", sample));
}

function recognise(runtime: "wasm" | "native"): void {
  const args = ["recognise", picture, "-o", "json", "--vision-runtime", runtime];
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, "bin", "tu-analyze"), ...args],
    { encoding: "utf8", env: { ...process.env, NODE_PATH: packages } },
  );
  if (status !== 0 || !stdout.includes(`"runtime": "${runtime} `))
    throw new Error(`${args.join(" ")} ended with ${status}`);
}

function figureOf(runtime: "wasm" | "native", sample: Sample): Figure {
  return {
    id: "G5",
    what: `s to the first answer of a process, ${runtime}`,
    value: sample.median,
    goal: "≤ 3",
    isMet: sample.median <= 3,
    detail: spread(sample, "s"),
  };
}
