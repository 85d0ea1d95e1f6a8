// A picture's low frequencies compared with their median: stable when a picture is scaled or re-encoded, far apart
// for different pictures.

/** Side of the greyscale picture from which the hash is computed. */
export const hashSide = 64;
const lowSide = 16;

const cosines: readonly (readonly number[])[] = Array.from({ length: lowSide }, (_, frequency) =>
  Array.from({ length: hashSide }, (_, at) =>
    Math.cos((Math.PI * frequency * (2 * at + 1)) / (2 * hashSide)),
  ),
);

/** `grey` holds 64 × 64 brightness values, row by row. 256 bits as 64 lower-case hex digits. */
export function hashOf(grey: Uint8Array): string {
  const coefficients = lowFrequencies(grey);
  // The first is the mean brightness, which carries no information about the picture.
  const middle = median(coefficients.slice(1));
  const bits = coefficients.map((value) => (value > middle ? "1" : "0")).join("");
  return (bits.match(/.{4}/g) ?? [])
    .map((nibble) => Number.parseInt(nibble, 2).toString(16))
    .join("");
}

function lowFrequencies(grey: Uint8Array): readonly number[] {
  const rows = Array.from({ length: hashSide }, (_, y) =>
    cosines.map((wave) => sum(wave, (at) => grey[y * hashSide + at] ?? 0)),
  );
  return cosines.flatMap((wave) =>
    cosines.map((_, column) => sum(wave, (at) => rows[at]?.[column] ?? 0)),
  );
}

function sum(wave: readonly number[], valueAt: (at: number) => number): number {
  return wave.reduce((total, factor, at) => total + factor * valueAt(at), 0);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
