import type { Colour } from "../../pipeline/ports/images.ts";

// The colours that cover most of a picture, under the names that people use for machines.

const mostColours = 5;
const leastShare = 0.02;

type Sum = {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly count: number;
};

/** `rgb` holds three bytes per pixel. */
export function coloursOf(rgb: Uint8Array): readonly Colour[] {
  const sums = new Map<string, Sum>();
  for (let at = 0; at + 2 < rgb.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = rgb.subarray(at, at + 3);
    const name = nameOf(red, green, blue);
    const sum = sums.get(name) ?? { red: 0, green: 0, blue: 0, count: 0 };
    sums.set(name, {
      red: sum.red + red,
      green: sum.green + green,
      blue: sum.blue + blue,
      count: sum.count + 1,
    });
  }
  const pixels = rgb.length / 3;
  return [...sums]
    .map(([name, sum]) => ({ hex: hexOf(sum), name, share: round(sum.count / pixels) }))
    .filter(({ share }) => share >= leastShare)
    .toSorted((a, b) => b.share - a.share || a.name.localeCompare(b.name, "en"))
    .slice(0, mostColours);
}

const hues: readonly (readonly [upTo: number, name: string])[] = [
  [18, "red"],
  [42, "orange"],
  [68, "yellow"],
  [165, "green"],
  [200, "turquoise"],
  [260, "blue"],
  [290, "purple"],
  [335, "pink"],
  [360, "red"],
];

function nameOf(red: number, green: number, blue: number): string {
  const high = Math.max(red, green, blue);
  const low = Math.min(red, green, blue);
  if (high < 46) return "black";
  const saturation = (high - low) / high;
  if (saturation < 0.18) return high > 215 ? "white" : "grey";
  const hue = hueOf(red, green, blue);
  if (hue >= 10 && hue < 48 && (high < 140 || saturation < 0.4)) return "brown";
  return hues.find(([upTo]) => hue <= upTo)?.[1] ?? "red";
}

/** Degrees, 0–360. */
function hueOf(red: number, green: number, blue: number): number {
  const high = Math.max(red, green, blue);
  const range = high - Math.min(red, green, blue);
  if (high === red) return (60 * ((green - blue) / range) + 360) % 360;
  if (high === green) return 60 * ((blue - red) / range) + 120;
  return 60 * ((red - green) / range) + 240;
}

function hexOf({ red, green, blue, count }: Sum): string {
  const parts = [red, green, blue].map((total) => Math.round(total / count));
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function round(share: number): number {
  return Math.round(share * 1000) / 1000;
}
