import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll } from "vitest";
import { makeDirectories } from "../adapters/filesystem/directories.ts";
import { features } from "../adapters/google-vision/features.ts";
import { createCassetteStore } from "../adapters/vision-cassettes/store.ts";
import { publishedSchema } from "../pipeline/published-schema.ts";
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
  /** Silent: stays open and never says anything. */
  readonly stdin?: Uint8Array | "silent";
  /** Called with all of stdout so far, whenever it grows. */
  readonly onStdout?: (text: string, child: ChildProcess) => void;
  /** As onStdout. */
  readonly onStderr?: (text: string, child: ChildProcess) => void;
};

const directories: string[] = [];
afterAll(() => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true }))));

/** A directory that is gone after the tests of the file. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tu-analyze-"));
  directories.push(directory);
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
    options.onStderr?.(stderr, child);
  });
  child.stdin.on("error", () => undefined); // it may end before it has read everything
  if (options.stdin !== "silent") child.stdin.end(options.stdin);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => child.stdin.destroy());
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Sends the signals, once, when `text` was printed: a second one would kill the process. */
export function signalAt(text: string, ...signals: readonly NodeJS.Signals[]) {
  let isSent = false;
  return (printed: string, child: ChildProcess): void => {
    if (isSent || !printed.includes(text)) return;
    isSent = true;
    for (const signal of signals) child.kill(signal);
  };
}

/** The environment in which a module runs before the binary does, to make the world go wrong. */
export function preload(source: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
}

type Document = Readonly<Record<string, unknown>>;

/** Standard output as one JSON document, in the shape that is published for it. */
export function json(result: Result): Record<string, unknown> {
  return documentIn(result.stdout, result);
}

/** A document in each line. */
export function jsonLines(result: Result): readonly Document[] {
  return result.stdout
    .trim()
    .split("\n")
    .map((line) => documentIn(line, result));
}

const ajv = new Ajv2020({ strict: true });
const validators = new Map<unknown, ValidateFunction>();

function validatorOf(id: unknown): ValidateFunction | undefined {
  const found = Object.entries(outputSchemas).find(([known]) => known === id);
  if (found === undefined) return undefined;
  const validate = validators.get(id) ?? ajv.compile(publishedSchema(found[1]));
  validators.set(id, validate);
  return validate;
}

function documentIn(text: string, { stderr }: Result): Record<string, unknown> {
  try {
    // The caller asserts by type what the document holds.
    const document = JSON.parse(text) as Record<string, unknown>;
    const validate = validatorOf(document["schema"]);
    if (validate?.(document) === false) throw new Error(ajv.errorsText(validate.errors));
    return document;
  } catch (error) {
    throw new Error(`not JSON of its schema: ${text}\nstderr: ${stderr}`, { cause: error });
  }
}

/** For uploads that end before their picture is looked at: no networks are loaded for it. */
export const notLooking = { TU_ANALYZE_VISION: "replay" };

/** What Google Vision says of a picture. */
type Annotations = object;

/**
 * An environment in which pictures are looked at by answers that are held, so that it takes no time: for
 * tests of what becomes of an upload, not of what is read.
 */
export async function replaying(
  answers: Readonly<Record<string, Annotations>>,
): Promise<Readonly<Record<string, string>>> {
  const directory = await temporaryDirectory();
  const store = createCassetteStore(directory, features);
  await store.prepare(makeDirectories);
  for (const [name, answer] of Object.entries(answers))
    await store.save(await readFile(image(name)), answer);
  return { TU_ANALYZE_VISION: "replay", TU_ANALYZE_VISION_DIR: directory };
}

/** What Google Vision said of the Komatsu. */
export async function komatsuAnswer(): Promise<Annotations> {
  const file = join(root, "fixtures", "vision", "komatsu-pc200.json");
  // The fixture is a response of one picture.
  const { responses } = JSON.parse(await readFile(file, "utf8")) as { responses: [Annotations] };
  return responses[0];
}
