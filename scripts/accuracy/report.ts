import type { Distribution, Score } from "./score.ts";

// The score, formatted for people.

export type Measured = {
  readonly skipped: number;
  readonly cpuSeconds: Distribution;
  readonly wallMs: Distribution;
  readonly memoryMb: Distribution;
};

export function reportLines(score: Score, measured: Measured, isWhole: boolean): readonly string[] {
  const { pictures, type, wrongAndConfident } = score;
  return [
    `${pictures} pictures; ${measured.skipped} without truth were skipped`,
    "",
    row("", ["right", "cut short", "wrong", "none", "of"]),
    ...(["brand", "model"] as const).map((what) => {
      const { cut, none, of, right, wrong } = score[what];
      return row(what, [right, cut, wrong, none, of]);
    }),
    row("type", [type.right, "", type.wrong, type.none, type.of]),
    "",
    ...(["brand", "model"] as const).map(
      (what) =>
        `a ${what} on ${score[what].invented} of ${score[what].without} pictures in which a person reads none`,
    ),
    `a type for ${type.given} of ${type.open} pictures of which the truth does not say it`,
    "",
    `wrong and confident: ${wrongAndConfident.length}`,
    ...wrongAndConfident.map(
      ({ confidence, expected, file, found }) =>
        `  ${file}  found ${found} (${confidence.toFixed(2)}), expected ${expected}`,
    ),
    "",
    row("confidence", ["answers", "right", "share"]),
    ...score.bins.map(({ answers, from, right, share, to }) =>
      row(`${from.toFixed(1)}–${to.toFixed(1)}`, [
        answers,
        right,
        share === null ? "-" : `${Math.round(share * 100)} %`,
      ]),
    ),
    "",
    row("a picture", ["mean", "median", "p95", "max"]), // the first one loads the networks
    row("CPU s", numbers(measured.cpuSeconds, 2)),
    row("wall ms", numbers(measured.wallMs, 0)),
    row("memory MB", ["", ...numbers(measured.memoryMb, 0).slice(1)]),
    ...(score.errors.length === 0 ? [] : ["", `not read: ${score.errors.length}`]),
    ...score.errors.map(({ error, file }) => `  ${file}  ${error}`),
    ...(isWhole ? ["", ...fileLines(score)] : []),
  ];
}

function fileLines({ lines }: Score): readonly string[] {
  const longest = Math.max(0, ...lines.map(({ file }) => file.length));
  return lines.map(({ brand, confidence, expected, file, found, isConfident, isRight, model }) => {
    const mark = isRight ? "✔" : isConfident ? "✖" : " ";
    const verdicts = `${brand.padEnd(8)}  ${model.padEnd(8)}`;
    return `${mark} ${file.padEnd(longest)}  ${verdicts}  ${confidence.toFixed(2)}  ${found}, expected ${expected}`;
  });
}

function numbers({ max, mean, median, p95 }: Distribution, digits: number): readonly string[] {
  return [mean, median, p95, max].map((value) => value.toFixed(digits));
}

function row(name: string, cells: readonly (string | number)[]): string {
  return `${name.padEnd(10)}${cells.map((cell) => String(cell).padStart(11)).join("")}`.trimEnd();
}
