import { closest } from "../pipeline/closest.ts";
import { TuError } from "../pipeline/errors.ts";
import type { Mismatch, UploadReport } from "../pipeline/reports/upload.ts";
import { createProblems } from "./problems.ts";

// The expected result of an upload: the smallest smoke test.

const fields = ["brand", "model", "type", "verdict"] as const;
type Field = (typeof fields)[number];
const verdicts = ["new", "known", "ambiguous", "none"];

export type Expectations = {
  readonly status: UploadReport["status"];
  readonly fields: readonly { readonly field: Field; readonly expected: string }[];
};

/** `brand=Caterpillar,model=930G`; `none`: nothing recognised. Undefined if nothing is expected. Throws
 * E_USAGE naming every problem. */
export function readExpectations(
  given: readonly string[],
  status: UploadReport["status"] | undefined,
): Expectations | undefined {
  if (given.length === 0 && status === undefined) return undefined;
  const problems = createProblems();
  const terms = given.flatMap((text) => text.split(","));
  const read = problems.meetEach(terms, readTerm);
  for (const field of fields)
    if (read.filter((each) => each.field === field).length > 1)
      problems.add(
        new TuError("E_USAGE", `--expect names ${field} twice`, { hint: "name it once" }),
      );
  return { status: status ?? "completed", fields: problems.settled(read) };
}

function readTerm(term: string): Expectations["fields"][number] {
  const at = term.indexOf("=");
  const name = (at === -1 ? term : term.slice(0, at)).trim();
  const expected = term.slice(at + 1).trim();
  const field = fields.find((known) => known === name);
  if (at < 1 || field === undefined || expected === "") throw unreadable(term, name);
  if (field === "verdict" && !verdicts.includes(expected)) {
    throw new TuError("E_USAGE", `--expect ${term}: unknown verdict ${expected}`, {
      hint: `use one of ${verdicts.join(", ")}`,
    });
  }
  return { field, expected };
}

function unreadable(term: string, name: string): TuError {
  const guess = closest(name, fields);
  const form = `use <field>=<value>, separated by commas; the fields are ${fields.join(", ")}`;
  return new TuError("E_USAGE", `--expect ${term === "" ? '""' : term} is not valid`, {
    hint: guess === undefined || guess === name ? form : `did you mean ${guess}? ${form}`,
  });
}

/** Every field in which the report differs from the expectation, ignoring case. */
export function mismatchesOf(
  report: UploadReport,
  { fields: expectedFields, status }: Expectations,
): Mismatch[] {
  const found = foundIn(report);
  const all = [
    { field: "status", expected: status, actual: report.status as string | null },
    ...expectedFields.map(({ expected, field }) => ({ field, expected, actual: found[field] })),
  ];
  return all.filter(
    ({ actual, expected }) => (actual ?? "none").toLowerCase() !== expected.toLowerCase(),
  );
}

/** Without a machine nothing can be new: then there is no verdict either. */
function foundIn({ result }: UploadReport): Readonly<Record<Field, string | null>> {
  const { brand = null, model = null, type = null } = result.recognition?.aggregate ?? {};
  const isFound = brand !== null || model !== null || type !== null;
  return { brand, model, type, verdict: isFound ? (result.comparison?.verdict ?? null) : null };
}

export function mismatchText({ actual, expected, field }: Mismatch): string {
  return `${field} is ${actual ?? "none"}, expected ${expected}`;
}
