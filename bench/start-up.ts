// P1: the cost of `--version` and `--help` compared with an empty script on the same Node.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, interleaved, secondsOf, spread } from "./measure.ts";

const binary = join(import.meta.dirname, "..", "bin", "tu-analyze");

export async function startUp(rounds: number): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-"));
  const empty = join(directory, "empty.mjs");
  writeFileSync(empty, "");
  try {
    return [
      await ratio("--version", 1.08, empty, rounds),
      await ratio("--help", 1.2, empty, rounds),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function ratio(flag: string, goal: number, empty: string, rounds: number): Promise<Figure> {
  const run = (args: readonly string[]) =>
    secondsOf(() => {
      const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
      if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
    });
  const { ours, theirs } = await interleaved(
    rounds,
    () => run([binary, flag]),
    () => run([empty]),
  );
  const value = ours.median / theirs.median;
  return {
    id: "P1",
    what: `${flag} over an empty script`,
    value,
    goal: `≤ ${goal.toFixed(2)}`,
    isMet: value <= goal,
    detail: `${spread(ours, "s")} over ${spread(theirs, "s")}`,
  };
}
