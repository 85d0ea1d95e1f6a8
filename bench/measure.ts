import { performance } from "node:perf_hooks";

/** Alternates both sides, so that a disturbance affects both. */
export async function interleaved(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<{ readonly ours: Sample; readonly theirs: Sample }> {
  const [left, right] = await byTurns(rounds, [ours, theirs]);
  if (left === undefined || right === undefined) throw new Error("a side was not measured");
  return { ours: left, theirs: right };
}

/** Any number of sides; one sample for each, in order. */
export async function byTurns(
  rounds: number,
  sides: readonly (() => Promise<number>)[],
): Promise<readonly Sample[]> {
  const values = sides.map((): number[] => []);
  for (const side of sides) await side(); // the first round of each warms caches and is not counted
  for (let round = 0; round < rounds; round += 1)
    for (const [at, side] of sides.entries()) values[at]?.push(await side());
  return values.map(sampleOf);
}

export type Sample = { readonly median: number; readonly low: number; readonly high: number };

export function sampleOf(values: readonly number[]): Sample {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
  return { median: at(0.5), low: at(0), high: at(1) };
}

export async function secondsOf(work: () => Promise<unknown> | unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

export type Figure = {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly detail: string;
} & Goal;

/** Not every comparison has one. */
export type Goal =
  | { readonly goal: string; readonly isMet: boolean }
  | { readonly goal?: never; readonly isMet?: never };

export function print(figure: Figure): void {
  const { detail, goal, id, isMet, value, what } = figure;
  const mark = goal === undefined ? "" : ` (goal ${goal}: ${isMet ? "met" : "missed"})`;
  console.log(`${id.padEnd(4)} ${what}: ${value.toFixed(2)}${mark}  ${detail}`);
}

export function spread({ high, low, median }: Sample, unit: string): string {
  const short = (value: number) =>
    value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(3);
  return `${short(median)} ${unit} [${short(low)}–${short(high)}]`;
}
