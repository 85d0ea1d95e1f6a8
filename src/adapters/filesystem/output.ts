import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { TuError } from "../../pipeline/errors.ts";
import { makeDirectories } from "./directories.ts";

/** Whether a directory with this name exists. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await statOrNull(path))?.isDirectory() === true;
}

/** Throws E_OUTPUT and E_OUTPUT_UNWRITABLE if it cannot be created. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeDirectories(path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Checks beforehand that a file can be written here, and that it is none of `inputs`, by whatever path. Throws
 * E_USAGE, E_FILE_IS_DIRECTORY, E_FILE_NOT_FOUND and E_OUTPUT_UNWRITABLE.
 */
export async function requireWritable(path: string, inputs: readonly string[]): Promise<void> {
  const found = await statOrNull(path);
  if (found?.isDirectory() === true)
    throw new TuError("E_FILE_IS_DIRECTORY", `${path} is a directory`, { hint: "name a file" });
  if (found === null && !(await isDirectory(dirname(path)))) {
    throw new TuError("E_FILE_NOT_FOUND", `there is no directory ${dirname(path)}`, {
      hint: "create it first, or name another one",
    });
  }
  for (const input of found === null ? [] : inputs) {
    const read = await statOrNull(input);
    if (read !== null && read.ino === found?.ino && read.dev === found.dev)
      throw new TuError("E_USAGE", `${path} would overwrite the image ${input}`, {
        hint: "name another file",
      });
  }
  await requirePermission(path, found === null ? dirname(path) : path);
}

async function requirePermission(path: string, place: string): Promise<void> {
  try {
    await access(place, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Overwrites an existing file. Throws E_OUTPUT and E_OUTPUT_UNWRITABLE. */
export async function writeOutput(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function statOrNull(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return null; // reading or writing it will report the reason
  }
}

/** The last one: the directory exists, but takes no files, like /proc. */
const notAllowed = ["EACCES", "EPERM", "EROFS", "ENOENT"];

function unwritable(path: string, cause: unknown): TuError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  const message = `${path} cannot be written (${code})`;
  if (notAllowed.includes(code)) {
    const hint = "check the permissions of the file and its directory, or name another place";
    return new TuError("E_OUTPUT_UNWRITABLE", message, { hint, cause });
  }
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const hint = `${isFull ? "free some disk space" : "check what is there"}, or name another place`;
  return new TuError("E_OUTPUT", message, { hint, cause });
}
