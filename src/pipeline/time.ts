// Conversion between times and text. The core must not read the clock, but may parse and format given times.

/** ISO 8601 in UTC with milliseconds, like `2025-12-03T09:16:02.118Z`. `ms` since the epoch. */
export function toIso(ms: number): string {
  // Constructing from a given number asks no clock.
  // biome-ignore lint/style/noRestrictedGlobals: converts a given time, does not read the clock
  return new Date(ms).toISOString();
}

/** Milliseconds since the epoch; NaN if `iso` is not a valid time. */
export function toEpochMs(iso: string): number {
  // biome-ignore lint/style/noRestrictedGlobals: converts a given time, does not read the clock
  return Date.parse(iso);
}

/** A DateTimeOffset in UTC as .NET writes it: offset `+00:00`, no trailing zeros in the fraction. */
export function toDotnetIso(ms: number): string {
  const fraction = toIso(ms).slice(20, 23).replace(/0+$/, "");
  return `${toIso(ms).slice(0, 19)}${fraction === "" ? "" : `.${fraction}`}+00:00`;
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `200ms`, `30s`, `10m`, `2h`, `30d` in milliseconds; undefined if invalid. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unit = unitsMs[match?.[2] ?? ""];
  return match?.[1] === undefined || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** A duration in its largest whole unit, rounded up: `800 ms`, `28 s`, `3 min`, `2 h`, `12 d`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.ceil(ms))} ms`;
  if (ms <= 120_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms <= 2 * 3_600_000) return `${Math.ceil(ms / 60_000)} min`;
  if (ms <= 2 * 86_400_000) return `${Math.ceil(ms / 3_600_000)} h`;
  return `${Math.ceil(ms / 86_400_000)} d`;
}

/**
 * A point in time in milliseconds since the epoch: `now`, a duration ago (`10m`), ISO 8601, or milliseconds since the
 * epoch. Undefined if invalid.
 */
export function parseWhen(text: string, nowMs: number): number | undefined {
  if (text === "now") return nowMs;
  const ago = parseDuration(text);
  if (ago !== undefined) return nowMs - ago;
  if (/^\d{12,14}$/.test(text)) return Number(text);
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? toEpochMs(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
