import { parseDuration } from "../time.ts";
import type { Retry } from "./definition.ts";

/**
 * The delay in milliseconds after attempt `attempt` (from 1) failed. Exponential backoff doubles from
 * `initial_delay`; nothing exceeds `max_delay`. `jitter` shortens the delay by up to that fraction, derived from
 * `seed`: deciding twice gives the same delay.
 */
export function retryDelayMs(retry: Retry, attempt: number, seed: string): number {
  const { type, initial_delay, max_delay, jitter } = retry.backoff;
  const initialMs = parseDuration(initial_delay) ?? 0;
  const maxMs = parseDuration(max_delay) ?? initialMs;
  const grown = type === "exponential" ? initialMs * 2 ** (attempt - 1) : initialMs;
  const capped = Math.min(grown, maxMs);
  return Math.round(capped * (1 - jitter * fractionOf(seed)));
}

/** FNV-1a of the text, as a number in [0, 1). */
function fractionOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < seed.length; index += 1) {
    hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) / 2 ** 32;
}
