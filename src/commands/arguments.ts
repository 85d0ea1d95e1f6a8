import { TuError } from "../pipeline/errors.ts";
import type { Flags } from "./config.ts";

// Checks of arguments that several commands share.

export function requireOneStdin(paths: readonly string[]): void {
  if (paths.filter((path) => path === "-").length <= 1) return;
  throw new TuError("E_USAGE", "standard input (-) is given twice, but can only be read once", {
    hint: "give - once, and name the other files",
  });
}

/** Options shared by the commands that read pictures. */
export type VisionFlags = Pick<
  Flags,
  "vision" | "visionDir" | "visionModels" | "visionRuntime" | "visionEndpoint" | "maxVisionCalls"
>;

export function visionFlags(flags: VisionFlags): VisionFlags {
  const { maxVisionCalls, vision, visionDir, visionEndpoint, visionModels, visionRuntime } = flags;
  return { vision, visionDir, visionEndpoint, visionModels, visionRuntime, maxVisionCalls };
}

/** A whole number above 0. Throws E_USAGE. */
export function readCount<T>(
  option: string,
  text: string | undefined,
  fallback: T,
  hint?: string,
): number | T {
  if (text === undefined) return fallback;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  const message = `${option} ${text} must be a whole number above 0`;
  throw new TuError("E_USAGE", message, hint === undefined ? {} : { hint });
}
