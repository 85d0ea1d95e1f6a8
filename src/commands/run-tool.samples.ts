import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { outputSchemas } from "./schemas.ts";

// Runs the built binary as a user would, with a home of its own.

export const root = join(import.meta.dirname, "..", "..");
export const binary = join(root, "bin", "tu-analyze");
export const image = (name: string) => join(root, "fixtures", "images", name);

export type Result = {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};
type Options = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Called with all of stdout so far, whenever it grows. */
  readonly onStdout?: (text: string, child: ChildProcess) => void;
};

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tu-analyze-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export async function tool(args: readonly string[], options: Options = {}): Promise<Result> {
  const home = await temporaryDirectory();
  const child = spawn(process.execPath, [binary, ...args], {
    cwd: options.cwd ?? home,
    env: { PATH: process.env["PATH"], HOME: home, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    options.onStdout?.(stdout, child);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => undefined); // it may end before it has read everything
  child.stdin.end(options.stdin);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Standard output as one JSON document, in the shape that is published for it. */
export function json(result: Result): Record<string, unknown> {
  try {
    // Whoever asks says by assertion what must stand in it.
    const document = JSON.parse(result.stdout) as Record<string, unknown>;
    const published = Object.entries(outputSchemas).find(([id]) => id === document["schema"]);
    published?.[1].parse(document);
    return document;
  } catch (error) {
    throw new Error(`not JSON: ${result.stdout}\nstderr: ${result.stderr}`, { cause: error });
  }
}
