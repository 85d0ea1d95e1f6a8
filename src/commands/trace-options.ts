import { TuError } from "../pipeline/errors.ts";
import { parseWhen } from "../pipeline/time.ts";

/** A point in time of an option, in milliseconds since the epoch. Throws E_USAGE. */
export function readWhen(option: string, text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs;
  const ms = parseWhen(text, Date.now());
  if (ms !== undefined) return ms;
  throw new TuError("E_USAGE", `${option} ${text} must be a point in time`, {
    hint: "use a duration ago like 10m, a time like 2026-11-01T10:00Z, epoch milliseconds, or now",
  });
}
