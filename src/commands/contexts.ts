import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { closest } from "../pipeline/closest.ts";
import { TuError } from "../pipeline/errors.ts";
import { builtInContexts, type Context } from "./context-settings.ts";

// Which context a command acts on. Each has its own state: what was left in one never goes to another.

export const local = "local";

/** Throws E_CONFIG if there is none with this name. `place` is what named it. */
export function requireKnown(
  name: string,
  contexts: Readonly<Record<string, Context>>,
  place: string,
): void {
  const known = [...builtInContexts, ...Object.keys(contexts)];
  if (known.includes(name)) return;
  const guess = closest(name, known);
  throw new TuError("E_CONFIG", `${place}: there is no context ${name}`, {
    hint: guess === undefined ? `known are ${known.join(", ")}` : `did you mean ${guess}?`,
  });
}

/** Where the state of a context is, in the state directory of all. */
export function stateDirOf(directory: string, context: string): string {
  return context === local ? directory : join(directory, "contexts", context);
}

/** The state directory of all contexts. */
export function directoryOf({ context, stateDir }: { context: string; stateDir: string }): string {
  return context === local ? stateDir : join(stateDir, "..", "..");
}

/** Holds what `context use` chose. */
export const choiceFile = (directory: string) => join(directory, "context");

/** What `context use` chose; undefined: nothing. */
export async function chosenContext(directory: string): Promise<string | undefined> {
  try {
    const name = (await readFile(choiceFile(directory), "utf8")).trim();
    return name === "" ? undefined : name;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR" || code === "EACCES")
      return undefined; // whoever needs the directory will say so
    throw error;
  }
}
