import { parseDuration } from "../time.ts";
import type { Retry } from "./definition.ts";

/**
 * How long to wait after the attempt `attempt` (from 1) failed, in milliseconds. Exponential doubles
 * from `initial_delay`; nothing exceeds `max_delay`. `jitter` takes away up to that part of the delay,
 * by a fraction that derives from `seed`: deciding twice waits the same.
 */
export function retryDelayMs(retry: Retry, attempt: number, seed: string): number {
  const { type, initial_delay, max_delay, jitter } = retry.backoff;
  const initialMs = parseDuration(initial_delay) ?? 0;
  const maxMs = parseDuration(max_delay) ?? initialMs;
  const grown = type === "exponential" ? initialMs * 2 ** (attempt - 1) : initialMs;
  const capped = Math.min(grown, maxMs);
  return Math.round(capped * (1 - jitter * fractionOf(seed)));
}

/** FNV-1a over the text, as a number in [0, 1). */
function fractionOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < seed.length; index += 1) {
    hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) / 2 ** 32;
}
