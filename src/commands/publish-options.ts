import { TuError } from "../pipeline/errors.ts";

/** `name=value`. Throws E_USAGE. */
export function readHeader(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new TuError("E_USAGE", `-H ${text} must be name=value`, {
    hint: "for example -H x-producer=ingestion",
  });
}

const perMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds between two messages: `5/s`, `10/m`. 0: without a pause. Throws E_USAGE. */
export function readRate(text: string | undefined): number {
  if (text === undefined) return 0;
  const [, count, unit = "s"] = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/.exec(text) ?? [];
  if (count !== undefined && Number(count) > 0) return (perMs[unit] ?? 1_000) / Number(count);
  throw new TuError("E_USAGE", `--rate ${text} must be a rate above 0`, {
    hint: "for example 5/s or 10/m",
  });
}

export const conflictModes = ["fail", "skip", "send"] as const;
export type ConflictMode = (typeof conflictModes)[number];
