import { TuError } from "../errors.ts";

// The filter language: terms separated by spaces, all of which must hold.
//
//   name=analysis.*        the whole value, in any letter case; * stands for any text
//   !status=completed      not
//   body.aggregate.confidence<0.5   <, <=, >, >= compare numbers, or texts if either is no number
//   reason~"timed? out"    a regular expression somewhere in the value; quotes keep spaces together
//   machine                the field has a value
//
// A path leads into a value; where it meets a list, any element will do. Names are found in any letter case.

/** Whether a record fits. `record` maps names to values of any shape. */
export type Filter = (record: Readonly<Record<string, unknown>>) => boolean;

type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~";
const termPattern = /^(!?)([\w@$*-]+(?:\.[\w@$*-]+)*)(?:(!=|<=|>=|=|<|>|~)(.*))?$/s;

/**
 * Reads a filter. `fields` are the names that a path may begin with. Throws E_USAGE for what is no term, an unknown
 * field or an invalid regular expression.
 */
export function readFilter(text: string, fields: readonly string[]): Filter {
  const terms = wordsIn(text).map((word) => readTerm(word, fields));
  return (record) => terms.every((term) => term(record));
}

/** Separated by spaces; quotes keep spaces, and are removed. */
function wordsIn(text: string): readonly string[] {
  const pattern = /(?:"(?:\\.|[^"\\])*"|[^\s"])+/g;
  if (text.replace(pattern, "").includes('"'))
    throw new TuError("E_USAGE", `a quote in the filter ${text} is not closed`);
  const words = text.match(pattern) ?? [];
  return words.map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"/g, (_, quoted: string) => quoted.replace(/\\(["\\])/g, "$1")),
  );
}

function readTerm(word: string, fields: readonly string[]): Filter {
  const [, not, path, operator, value = ""] = termPattern.exec(word) ?? [];
  if (path === undefined)
    throw new TuError("E_USAGE", `${word} must be a term of a filter`, {
      hint: "write terms like name=analysis.* or !body.confidence<0.5",
    });
  const steps = path.split(".");
  const [first = ""] = steps;
  const isKnown = fields.some((field) => field.toLowerCase() === first.toLowerCase());
  if (!isKnown)
    throw new TuError("E_USAGE", `a filter has no field ${first}`, {
      hint: `known are ${fields.join(", ")}`,
    });
  const holds = operator === undefined ? () => true : testOf(operator as Operator, value); // as matched
  const isWanted = (record: Parameters<Filter>[0]) => valuesAt(record, steps).some(holds);
  const isPositive = operator === "!=" ? not !== "" : not === "";
  return (record) => isWanted(record) === isPositive;
}

function testOf(operator: Operator, value: string): (found: unknown) => boolean {
  switch (operator) {
    case "=":
    case "!=": {
      const pattern = globOf(value);
      return (found) => pattern.test(textOf(found));
    }
    case "~": {
      const pattern = regularExpression(value);
      return (found) => pattern.test(textOf(found));
    }
    default:
      return (found) => compares(compared(found, value), operator);
  }
}

function globOf(text: string): RegExp {
  const escaped = text.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${escaped}$`, "is");
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch (cause) {
    throw new TuError("E_USAGE", `${text} must be a regular expression`, {
      hint: "see https://developer.mozilla.org/docs/Web/JavaScript/Guide/Regular_expressions",
      cause,
    });
  }
}

/** Negative, zero or positive; NaN if there is nothing to compare. */
function compared(found: unknown, value: string): number {
  if (found === null || typeof found === "object") return Number.NaN;
  const [a, b] = [Number(found), Number(value)];
  if (String(found).trim() !== "" && value.trim() !== "" && !Number.isNaN(a) && !Number.isNaN(b))
    return a - b;
  const text = String(found);
  return text < value ? -1 : Number(text > value);
}

function compares(order: number, operator: Operator): boolean {
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

const textOf = (found: unknown): string =>
  typeof found === "object" && found !== null ? JSON.stringify(found) : String(found);

/** Everything at the end of a path that is not null or undefined. */
function valuesAt(value: unknown, steps: readonly string[]): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((element) => valuesAt(element, steps));
  const [step, ...rest] = steps;
  if (step === undefined) return [value];
  if (typeof value !== "object") return [];
  return Object.entries(value)
    .filter(([name]) => name.toLowerCase() === step.toLowerCase())
    .flatMap(([, inner]) => valuesAt(inner, rest));
}
