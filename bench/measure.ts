import { performance } from "node:perf_hooks";

/** Both sides by turns, so that what disturbs one disturbs the other. */
export async function interleaved(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<{ readonly ours: Sample; readonly theirs: Sample }> {
  const left: number[] = [];
  const right: number[] = [];
  await ours(); // the first round of each warms caches and is not counted
  await theirs();
  for (let round = 0; round < rounds; round += 1) {
    left.push(await ours());
    right.push(await theirs());
  }
  return { ours: sampleOf(left), theirs: sampleOf(right) };
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
  readonly goal: string;
  readonly isMet: boolean;
  readonly detail: string;
};

export function print(figure: Figure): void {
  const { detail, goal, id, isMet, value, what } = figure;
  const mark = isMet ? "met" : "missed";
  console.log(`${id.padEnd(4)} ${what}: ${value.toFixed(2)} (goal ${goal}: ${mark})  ${detail}`);
}

export function spread({ high, low, median }: Sample, unit: string): string {
  const short = (value: number) =>
    value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(3);
  return `${short(median)} ${unit} [${short(low)}–${short(high)}]`;
}
