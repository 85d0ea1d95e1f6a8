import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes the directory and those above it that are missing, each with `mode`; one that exists stays as it
 * is. Throws what the file system says. Not `mkdir` with `recursive`: where nothing can be made, as below
 * /proc, that one tries again for ever.
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<void> {
  const whole = resolve(path);
  for (const missing of await missingUpTo(whole)) await makeOne(missing, mode);
  if (!(await stat(whole)).isDirectory()) throw notDirectory(whole);
}

/** What does not exist yet, the uppermost first. */
async function missingUpTo(path: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = path; !(await exists(at)); at = dirname(at)) {
    missing.unshift(at);
    if (dirname(at) === at) break;
  }
  return missing;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** Another process may have been faster. */
async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

function notDirectory(path: string): Error {
  return Object.assign(new Error(`${path} is not a directory`), { code: "ENOTDIR" });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
