import { closeSync, fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { printable } from "../adapters/terminal/text.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";

export const formats = ["text", "json", "jsonl"] as const;
export type Format = (typeof formats)[number];

/** How the result is printed; `--json` takes precedence over `-o`. */
export function formatOf<F extends string = Format>(options: {
  readonly json?: boolean;
  readonly output?: F;
}): F | "json" | "text" {
  return options.json === true ? "json" : (options.output ?? "text");
}

let hasFailedToPrint = false;

/** Whether something failed to print. */
export function failedToPrint(): boolean {
  return hasFailedToPrint;
}

let isReaderGone = false;

/** Whether the reader of standard output is gone; the rest is not printed. */
export function hasSeenEnough(): boolean {
  return isReaderGone;
}

const listeners = new Set<(error: TuError) => void>();

/** Called once, when standard output is lost: work whose result goes there can stop. */
export function onOutputLost(listener: (error: TuError) => void): void {
  listeners.add(listener);
}

function outputLost(error: TuError): void {
  process.stdout.destroy();
  for (const listener of listeners) listener(error);
  listeners.clear();
}

/** The second occurs if standard output is a socket, as for a process started by Node, with unsent data. */
const readerGone = ["EPIPE", "ECONNRESET"];

/** A reader that stops early (`| head`) is not an error; the rest is not written. */
export function quietOnClosedPipe(): void {
  process.once("exit", leaveLostTerminal);
  // There is nowhere else to report it, and the work matters more than its messages.
  process.stderr.on("error", () => process.stderr.destroy());
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== undefined && readerGone.includes(error.code)) {
      process.exitCode ??= 0;
      isReaderGone = true;
      outputLost(new TuError("E_OUTPUT", "standard output was closed"));
      return;
    }
    if (hasFailedToPrint) return; // already reported
    hasFailedToPrint = true;
    process.exitCode = exitCodes.failed;
    const why = error.code ?? error.message;
    const lost = new TuError("E_OUTPUT", `standard output cannot be written (${why})`, {
      hint: "check whether the disk is full",
    });
    printError(lost);
    outputLost(lost);
  });
}

const stdio = [0, 1, 2];

/**
 * Must be called last. A process that exits restores its terminal, and Node aborts if that no longer exists, as
 * after a hang-up; closed descriptors it leaves alone.
 */
export function leaveLostTerminal(): void {
  for (const descriptor of stdio.splice(0))
    if (fstatSync(descriptor).isCharacterDevice() && !isatty(descriptor)) closeSync(descriptor);
}

export function printLine(line: string): void {
  if (!process.stdout.destroyed) process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown, format: Format): void {
  printLine(format === "json" ? JSON.stringify(value, null, 2) : JSON.stringify(value));
}

/** Everything that is not data. */
export function printDiagnostic(line: string): void {
  if (!process.stderr.destroyed) process.stderr.write(`${line}\n`);
}

type Printed = Pick<TuError, "code" | "message"> & Partial<Pick<TuError, "hint" | "problems">>;

/** Code, message and hint of an error, formatted for people; several problems are listed, each with its own hint. */
export function printError({ code, hint, message, problems = [] }: Printed): void {
  const isList = problems.length > 0;
  printDiagnostic(`${code}: ${isList ? `${problems.length} problems` : printable(message)}`);
  for (const problem of problems) {
    const prefix = problem.code === code ? "" : `${problem.code}: `;
    printDiagnostic(`  - ${prefix}${printable(problem.message)}`);
    if (problem.hint !== undefined) printDiagnostic(`    hint: ${printable(problem.hint)}`);
  }
  if (hint !== undefined) printDiagnostic(`  hint: ${printable(hint)}`);
}

export function errorReport(error: TuError) {
  const { code, exitCode, hint = null, message, problems } = error;
  const list = problems.map((problem) => ({
    ...{ code: problem.code, message: problem.message, hint: problem.hint ?? null },
  }));
  return {
    schema: "tu-analyze/error@1" as const,
    ...{ code, message, hint, exitCode },
    ...(list.length === 0 ? {} : { problems: list }),
  };
}

/** Anything that is not a TuError is our bug and is reported as one. */
export function asTuError(error: unknown): TuError {
  if (error instanceof TuError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TuError("E_BUG", message, {
    hint: "this is a bug in tu-analyze; run again with --debug and report what it prints",
    cause: error,
  });
}
