// The state directory itself. Names adapters, like compose.ts.

import { TuError } from "../pipeline/errors.ts";

/** Throws E_STATE_UNUSABLE and E_STATE_UNWRITABLE. */
export async function makeStateDir(stateDir: string): Promise<void> {
  const { makeDirectories } = await import("../adapters/filesystem/directories.ts");
  try {
    await makeDirectories(stateDir, 0o700);
  } catch (error) {
    const hint = "choose another with --state-dir, or store nothing with --ephemeral";
    throw await unusableDirectory(stateDir, error, hint);
  }
}

/** The error of a directory that cannot be read or written; any other error is returned as it is. */
export async function unusableDirectory(
  stateDir: string,
  error: unknown,
  hint: string,
): Promise<unknown> {
  const { codeOf, isNotAllowed, reasonOf } = await import("../adapters/sqlite/state-error.ts");
  const code = codeOf(error);
  if (!/^E[A-Z]+$/.test(code)) return error;
  return new TuError(
    isNotAllowed(code) ? "E_STATE_UNWRITABLE" : "E_STATE_UNUSABLE",
    `${stateDir} cannot be used as a state directory: ${reasonOf(error)}`,
    { hint, cause: error },
  );
}

/** With those above it, and readable by others. */
export async function makeDirectory(path: string): Promise<void> {
  const { makeDirectories } = await import("../adapters/filesystem/directories.ts");
  await makeDirectories(path, 0o755);
}
