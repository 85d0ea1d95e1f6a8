import { lstat, mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/**
 * Creates the directory and its missing parents, each with `mode`; an existing one stays as it is. Throws the file
 * system's errors. Not `mkdir` with `recursive`: where nothing can be created, as below /proc, it retries forever.
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<void> {
  const whole = resolve(path);
  for (const missing of await missingUpTo(whole)) await makeOne(missing, mode);
  if (!(await stat(whole)).isDirectory()) throw notDirectory(whole);
}

/** The missing directories, topmost first. */
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

/** Another process may have created it first. */
async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw notCreatable(path, error);
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

/** The parent exists, but takes no directories, like /proc: for a user the same as not being permitted. */
function notCreatable(path: string, cause: unknown): Error {
  const message = `nothing can be created in ${dirname(path)}`;
  return Object.assign(new Error(message, { cause }), { code: "EPERM" });
}

function notDirectory(path: string): Error {
  return Object.assign(new Error(`${path} is not a directory`), { code: "ENOTDIR" });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Names in it; none if it does not exist. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Bytes of these files in it and below, counting each file once however many names it has; 0 if it does not exist. */
export async function sizeOfFiles(
  directory: string,
  isCounted: (name: string) => boolean = () => true,
): Promise<number> {
  const sizes = new Map<string, number>();
  const names = await readdir(directory, { recursive: true }).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  for (const name of names.filter(isCounted)) {
    const path = join(directory, name);
    const status = await lstat(path).catch((error: unknown) => {
      if (hasCode(error, "ENOENT")) return undefined; // removed meanwhile
      throw error;
    });
    if (status?.isFile() === true) sizes.set(`${status.dev}/${status.ino}`, status.size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
