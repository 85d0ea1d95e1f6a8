import { closeSync, fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { printable } from "../adapters/terminal/text.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";

export const formats = ["text", "json", "jsonl"] as const;
export type Format = (typeof formats)[number];

/** How the result is printed; `--json` goes before `-o`. */
export function formatOf<F extends string = Format>(options: {
  readonly json?: boolean;
  readonly output?: F;
}): F | "json" | "text" {
  return options.json === true ? "json" : (options.output ?? "text");
}

let hasFailedToPrint = false;

/** Whether something that should have been printed was not. */
export function failedToPrint(): boolean {
  return hasFailedToPrint;
}

let isReaderGone = false;

/** Whether the reader of standard output is gone; the rest is not printed. */
export function hasSeenEnough(): boolean {
  return isReaderGone;
}

const listeners = new Set<(error: TuError) => void>();

/** Told once, when standard output takes nothing any more: then work that is for it can stop. */
export function onOutputLost(listener: (error: TuError) => void): void {
  listeners.add(listener);
}

function outputLost(error: TuError): void {
  process.stdout.destroy();
  for (const listener of listeners) listener(error);
  listeners.clear();
}

/** The second where standard output is a socket, as for a process that Node started, and more was on the way. */
const readerGone = ["EPIPE", "ECONNRESET"];

/** A reader that has seen enough (`| head`) is no error; what is left is not written. */
export function quietOnClosedPipe(): void {
  process.once("exit", leaveLostTerminal);
  // There is no other place to say it, and what is done is worth more than what is said of it.
  process.stderr.on("error", () => process.stderr.destroy());
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== undefined && readerGone.includes(error.code)) {
      process.exitCode ??= 0;
      isReaderGone = true;
      outputLost(new TuError("E_OUTPUT", "standard output was closed"));
      return;
    }
    if (hasFailedToPrint) return; // said already
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
 * To be called last. A process that ends restores its terminal, and Node aborts when that is not there any
 * more, as after a hang-up; what is closed it leaves alone.
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

/** Code, sentence and hint of an error, as a person reads them. */
export function printError({
  code,
  hint,
  message,
}: Pick<TuError, "code" | "message"> & Partial<Pick<TuError, "hint">>): void {
  printDiagnostic(`${code}: ${printable(message)}`);
  if (hint !== undefined) printDiagnostic(`  hint: ${printable(hint)}`);
}

export function errorReport(error: TuError) {
  return {
    schema: "tu-analyze/error@1" as const,
    code: error.code,
    message: error.message,
    hint: error.hint ?? null,
    exitCode: error.exitCode,
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
