import { TuError } from "../../pipeline/errors.ts";

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

export const isBusy = (error: unknown): boolean =>
  codeOf(error).startsWith("SQLITE_BUSY") || codeOf(error).startsWith("SQLITE_LOCKED");

/** Turns an SQLite error into one that a user can act on; errors that are bugs of ours are returned unchanged. */
export function toStateError(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (isBusy(error))
    return new TuError("E_STATE_BUSY", `${file} is locked by another process`, {
      hint: "wait for the other process, or end it",
      cause: error,
    });
  if (isFull(code))
    return new TuError("E_STATE_FULL", `no space left to write ${file}`, {
      hint: "free some disk space, or use another state directory",
      cause: error,
    });
  if (isNotAllowed(code)) return unwritable(file, error);
  return isUnusable(code) ? unusable(file, error) : error;
}

export const unusable = (file: string, cause: unknown) =>
  new TuError("E_STATE_UNUSABLE", `${file} cannot be used: ${reasonOf(cause)}`, {
    hint: `move ${file} away (and the -wal and -shm files beside it), or use another state directory`,
    cause,
  });

/** Reading needs this too: SQLite records a file's readers in a file next to it. */
export const unwritable = (path: string, cause: unknown) =>
  new TuError("E_STATE_UNWRITABLE", `${path} cannot be written: ${reasonOf(cause)}`, {
    hint: "grant this user read and write permission, or use another state directory",
    cause,
  });

/** SHMSIZE: the file next to a database, which even reading needs, could not grow. */
const isFull = (code: string) =>
  ["ENOSPC", "EDQUOT", "SQLITE_IOERR_SHMSIZE"].includes(code) || code.startsWith("SQLITE_FULL");

const notAllowed = ["EACCES", "EPERM", "EROFS"];
export const isNotAllowed = (code: string): boolean =>
  notAllowed.includes(code) || ["READONLY", "PERM"].some((one) => code.startsWith(`SQLITE_${one}`));

/** Node's `EACCES: permission denied, open '/a/file'` as `permission denied (EACCES)`. */
export function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/^(E[A-Z]+): (.+?), \w+(?: '.*')?$/s, "$2 ($1)");
}

const unusableCodes = ["CORRUPT", "NOTADB", "CANTOPEN", "IOERR", "AUTH", "FORMAT"];
const isUnusable = (code: string) =>
  /^E[A-Z]+$/.test(code) || unusableCodes.some((one) => code.startsWith(`SQLITE_${one}`));
