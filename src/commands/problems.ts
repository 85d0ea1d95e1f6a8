import { exitCodes, TuError } from "../pipeline/errors.ts";

/** Collects every problem of a command line before reporting the first. */
export type Problems = {
  add(problem: TuError): void;
  /** The result of `read`, or `otherwise` if it throws a usage error. */
  meet<T>(read: () => T, otherwise: T): T;
  /** The result of `read` for each value that it accepts. */
  meetEach<V, T>(values: readonly V[], read: (value: V) => T): readonly T[];
  meetLater<T>(read: () => Promise<T>): Promise<T | undefined>;
  /** `value`, which is missing only if there were problems. Throws all of them as one. */
  settled<T>(value: T | undefined): T;
};

export function createProblems(): Problems {
  const met: TuError[] = [];
  const note = (error: unknown): void => {
    if (!(error instanceof TuError) || error.exitCode !== exitCodes.usage) throw error;
    met.push(error);
  };
  return {
    add: (problem) => met.push(problem),
    meet(read, otherwise) {
      try {
        return read();
      } catch (error) {
        note(error);
        return otherwise;
      }
    },
    meetEach(values, read) {
      return values.flatMap((value) => this.meet(() => [read(value)], []));
    },
    async meetLater(read) {
      try {
        return await read();
      } catch (error) {
        note(error);
        return undefined;
      }
    },
    settled(value) {
      if (met.length > 0) throw combined(met);
      if (value === undefined) throw new TuError("E_BUG", "a value without a problem is missing");
      return value;
    },
  };
}

/** Several as one, with the code of the first. `hint` is about all of them. */
export function combined(errors: readonly TuError[], hint?: string): TuError {
  const problems = errors.flatMap((error) =>
    error.problems.length === 0 ? [error] : error.problems,
  );
  const [first, ...others] = problems;
  if (first === undefined) throw new TuError("E_BUG", "there is no usage error to report");
  if (others.length === 0) {
    const hints = [first.hint, hint].filter((each) => each !== undefined).join("; ");
    const { code, message } = first;
    return new TuError(code, message, hints === "" ? {} : { hint: hints.replace("?; ", "? ") });
  }
  const list = problems.map(({ message }) => message).join("; ");
  return new TuError(first.code, `${problems.length} problems: ${list}`, {
    problems,
    ...(hint === undefined ? {} : { hint }),
  });
}
