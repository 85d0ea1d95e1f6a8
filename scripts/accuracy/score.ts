import * as z from "zod";
import { brandNamed, isSameBrand } from "../../src/pipeline/recognition/catalogue.ts";

// Recognition results compared with what a person reads in the pictures. Pure.

const Expected = z.strictObject({
  brand: z.string().min(1).nullable(),
  /** Several: spellings that a person would all accept. */
  model: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).nullable(),
  type: z.string().min(1).optional(),
});
export type Expected = z.infer<typeof Expected>;
const Truth = z.record(z.string(), Expected);
export type Truth = z.infer<typeof Truth>;

export type Answer = {
  readonly brand: string | null;
  readonly model: string | null;
  readonly type: string | null;
  readonly confidence: number;
  readonly isConfident: boolean;
};
/** One picture: what a person reads, and the result or the error. */
export type Scored = { readonly file: string; readonly expected: Expected } & (
  | { readonly answer: Answer }
  | { readonly error: string }
);

/**
 * `cut`: the truth continues after it. `invented`: a person reads nothing there. `absent`: neither does recognition.
 */
export type Verdict = "right" | "cut" | "wrong" | "none" | "invented" | "absent";
type Counts = Readonly<Record<"right" | "cut" | "wrong" | "none" | "of", number>> & {
  /** Answers for pictures in which a person reads none, and the number of such pictures. */
  readonly invented: number;
  readonly without: number;
};
export type Line = {
  readonly file: string;
  readonly brand: Verdict;
  readonly model: Verdict;
  readonly isRight: boolean;
  readonly isConfident: boolean;
  readonly found: string;
  readonly expected: string;
  readonly confidence: number;
};
export type Score = {
  readonly pictures: number;
  readonly brand: Counts;
  readonly model: Counts;
  readonly type: {
    readonly right: number;
    readonly wrong: number;
    readonly none: number;
    readonly of: number;
    /** Of the pictures whose type the truth leaves open. */
    readonly given: number;
    readonly open: number;
  };
  readonly wrongAndConfident: readonly Line[];
  readonly bins: readonly {
    readonly from: number;
    readonly to: number;
    readonly answers: number;
    readonly right: number;
    readonly share: number | null;
  }[];
  readonly errors: readonly { readonly file: string; readonly error: string }[];
  readonly lines: readonly Line[];
};

/** Throws an Error that describes the problem with the truth and its location. */
export function parseTruth(text: string): Truth {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, "")); // editors add a byte order mark
  } catch (cause) {
    throw new Error(`it is not JSON: ${(cause as Error).message}`, { cause }); // JSON.parse throws nothing else
  }
  const result = Truth.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(
    ({ message, path }) => `${path.length === 0 ? "the whole" : path.join(".")}: ${message}`,
  );
  throw new Error(issues.join("; "));
}

/** Brands of the truth that recognition does not know, and so never returns. */
export function unknownBrands(truths: readonly Expected[]): readonly string[] {
  const brands = new Set(truths.flatMap(({ brand }) => brand ?? []));
  return [...brands].filter((brand) => brandNamed(brand) === undefined);
}

export function score(all: readonly Scored[]): Score {
  const lines = all.flatMap((one) => ("answer" in one ? [lineOf(one)] : []));
  const answered = all.flatMap((one) => ("answer" in one ? [one] : []));
  return {
    pictures: all.length,
    brand: countsOf(lines.map(({ brand }) => brand)),
    model: countsOf(lines.map(({ model }) => model)),
    type: typesOf(answered),
    wrongAndConfident: lines.filter(({ isConfident, isRight }) => isConfident && !isRight),
    bins: binsOf(lines.filter(({ brand, model }) => isAnswer(brand) || isAnswer(model))),
    errors: all.flatMap((one) => ("error" in one ? [{ file: one.file, error: one.error }] : [])),
    lines,
  };
}

type Answered = Extract<Scored, { readonly answer: Answer }>;

function lineOf({ answer, expected, file }: Answered): Line {
  const brand = verdictOnBrand(answer.brand, expected.brand);
  const model = verdictOnModel(answer.model, expected.model);
  const { confidence, isConfident } = answer;
  return {
    file,
    brand,
    model,
    // Half of an answer is right if the other half is missing, but not if it is wrong or cut short.
    isRight: brand === "right" && ["right", "none", "absent"].includes(model),
    isConfident,
    found: nameOf(answer.brand, answer.model),
    expected: nameOf(expected.brand, expected.model),
    confidence,
  };
}

export function verdictOnBrand(found: string | null, truth: string | null): Verdict {
  if (found === null || truth === null) return oneMissing(found, truth);
  if (isSameBrand(found, truth)) return "right";
  return isBeginning(found, truth) ? "cut" : "wrong";
}

export function verdictOnModel(found: string | null, truth: Expected["model"]): Verdict {
  if (found === null || truth === null) return oneMissing(found, truth);
  const spellings = [truth].flat();
  if (spellings.some((one) => plain(one) === plain(found))) return "right";
  return spellings.some((one) => isBeginning(found, one)) ? "cut" : "wrong";
}

function oneMissing(found: string | null, truth: Expected["model"]): Verdict {
  if (truth === null) return found === null ? "absent" : "invented";
  return "none";
}

function isBeginning(found: string, truth: string): boolean {
  return plain(found) !== "" && plain(truth).startsWith(plain(found));
}

function plain(name: string): string {
  return name.toUpperCase().replace(/[\s\-‐-―]/g, "");
}

function isAnswer(verdict: Verdict): boolean {
  return verdict !== "none" && verdict !== "absent";
}

function countsOf(verdicts: readonly Verdict[]): Counts {
  const count = (wanted: Verdict) => verdicts.filter((verdict) => verdict === wanted).length;
  const invented = count("invented");
  const without = invented + count("absent");
  return {
    right: count("right"),
    cut: count("cut"),
    wrong: count("wrong"),
    none: count("none"),
    of: verdicts.length - without,
    invented,
    without,
  };
}

function typesOf(answered: readonly Answered[]): Score["type"] {
  const told = answered.filter(({ expected }) => expected.type !== undefined);
  const open = answered.filter(({ expected }) => expected.type === undefined);
  const none = told.filter(({ answer }) => answer.type === null).length;
  const right = told.filter(
    ({ answer, expected }) => answer.type?.toLowerCase() === expected.type?.toLowerCase(),
  ).length;
  return {
    right,
    wrong: told.length - right - none,
    none,
    of: told.length,
    given: open.filter(({ answer }) => answer.type !== null).length,
    open: open.length,
  };
}

function binsOf(answers: readonly Line[]): Score["bins"] {
  return Array.from({ length: 10 }, (_, index) => {
    const inBin = answers.filter(
      ({ confidence }) => Math.min(9, Math.floor(confidence * 10 + 1e-9)) === index,
    );
    const right = inBin.filter(({ isRight }) => isRight).length;
    const share = inBin.length === 0 ? null : right / inBin.length;
    return { from: index / 10, to: (index + 1) / 10, answers: inBin.length, right, share };
  });
}

function nameOf(brand: string | null, model: Expected["model"]): string {
  const models = model === null ? [] : [[model].flat().join(" or ")];
  return [...(brand === null ? [] : [brand]), ...models].join(" ") || "nothing";
}

export type Distribution = {
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
};

/** Percentiles are values that occurred (nearest rank). All 0 if there are none. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  const sum = values.reduce((total, value) => total + value, 0);
  return { mean: sum / Math.max(1, values.length), median: at(0.5), p95: at(0.95), max: at(1) };
}
