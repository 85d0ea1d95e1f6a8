import { TuError } from "../pipeline/errors.ts";
import { parseDuration } from "../pipeline/time.ts";
import type { Settings } from "./config.ts";

// Checks of arguments that several commands share.

/** Milliseconds. Throws E_USAGE naming the flag. */
export function requireDuration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new TuError("E_USAGE", `${flag} ${text} must be a duration above 0`, {
    hint: "use a duration such as 500ms, 30s, 10m, 2h or 30d",
  });
}

export function requireOneStdin(paths: readonly string[]): void {
  if (paths.filter((path) => path === "-").length <= 1) return;
  throw new TuError("E_USAGE", "- is given twice; standard input can only be read once", {
    hint: "give - once, and name the other files",
  });
}

/** Options shared by the commands that read pictures, as validated by commander. */
export type VisionFlags = {
  readonly vision?: Settings["vision"];
  readonly visionDir?: string;
  readonly visionModels?: string;
  readonly visionRuntime?: Settings["visionRuntime"];
  readonly visionEndpoint?: string;
  readonly maxVisionCalls?: string;
};

/** As settings. Throws E_USAGE. */
export function visionSettings(flags: VisionFlags) {
  const { maxVisionCalls, vision, visionDir, visionEndpoint, visionModels, visionRuntime } = flags;
  const callLimit = readLimit("--max-vision-calls", maxVisionCalls, "calls");
  const reader = { visionModels, visionRuntime };
  return { vision, visionDir, visionEndpoint, ...reader, maxVisionCalls: callLimit };
}

/** Throws E_USAGE naming the flag. */
export function readLimit(
  flag: string,
  text: string | undefined,
  what: string,
): number | "unlimited" | undefined {
  if (text === undefined || text === "unlimited") return text;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TuError("E_USAGE", `${flag} ${text} must be a whole number of ${what}`, {
    hint: "use 0 or more, or unlimited",
  });
}
