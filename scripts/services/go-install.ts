// Servers that come as Go modules.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { MissingTools } from "./service.ts";

const run = promisify(execFile);

export type GoProgram = {
  /** The package's path; its last part is the program's name. */
  readonly path: string;
  readonly version: string;
  /** What its module asks for: the minor version of Go 1. */
  readonly goMinor: number;
};

/** Where it is, or will be. */
export function pathOf({ path, version }: GoProgram, cache: string): string {
  return join(cache, version, basename(path));
}

/** Builds the program, which takes minutes: complete, or not there. Throws `MissingTools`. */
export async function goInstall(program: GoProgram, cache: string): Promise<void> {
  const complete = join(cache, program.version);
  if (existsSync(complete)) return;
  const go = await goFor(program);
  const partial = join(cache, "partial");
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const env = { ...process.env, GOBIN: partial };
  await run(go, ["install", `${program.path}@${program.version}`], { env });
  await rename(partial, complete);
}

/** The command for a Go that is new enough, also where its archive is unpacked without being on the path. */
async function goFor({ goMinor, path }: GoProgram): Promise<string> {
  const found = await Promise.all(["go", "/usr/local/go/bin/go"].map(minorOf));
  const fit = found.find(({ minor }) => minor >= goMinor);
  if (fit !== undefined) return fit.go;
  const newest = Math.max(...found.map(({ minor }) => minor));
  const problem = newest < 0 ? "there is none" : `this is 1.${newest}`;
  throw new MissingTools(
    `${basename(path)} is built with Go 1.${goMinor} or later, and ${problem}: install it in /usr/local/go or on the PATH (Debian's golang-go is 1.19 in Debian 12 and 1.24 in Debian 13)`,
  );
}

async function minorOf(go: string): Promise<{ readonly go: string; readonly minor: number }> {
  const printed = await run(go, ["env", "GOVERSION"]).catch(() => ({ stdout: "" })); // there is none
  return { go, minor: Number(/^go1\.(\d+)/.exec(printed.stdout)?.[1] ?? -1) };
}
