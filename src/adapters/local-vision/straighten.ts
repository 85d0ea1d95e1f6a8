import { brightnessAt, type Plane } from "./plane.ts";
import { darknessOf } from "./surroundings.ts";
import type { TextLine } from "./text-lines.ts";

/** Height of a letter in the patch, in pixels: what the reader was trained on. */
const letterHeight = 34;
/** Space around the letters, in letter heights. */
const margin = 0.9;
const widest = 1_600;

/**
 * `plain` as it is; `flat` with shadows, glare and gradients taken out; `leaning` with letters that lean
 * to the right put upright.
 */
export type Variant = "plain" | "flat" | "leaning";

export type Patch = Plane & {
  /** Where a pixel of the patch lies in the picture, in parts of it. */
  readonly locate: (x: number, y: number) => { readonly x: number; readonly y: number };
  /** Where the middle of the patch lies. */
  readonly centre: { readonly x: number; readonly y: number };
  /** What part of the picture's height so many pixels of the patch are. */
  readonly share: (pixels: number) => number;
};

/** Cuts the line out of `plane`: level, at the reader's size, dark on light and with full contrast. */
export function straighten(plane: Plane, line: TextLine, variant: Variant): Patch {
  const letter = line.letter * plane.height;
  const scale = letterHeight / letter;
  const left = line.left * plane.width - letter * margin;
  const right = line.right * plane.width + letter * margin;
  const run = Math.max(1, (line.right - line.left) * plane.width);
  const slope = ((line.endY - line.startY) * plane.height) / run;
  const width = Math.max(16, Math.min(widest, Math.round((right - left) * scale)));
  const height = Math.round(letterHeight * 1.9);
  const lean = variant === "leaning" ? -0.22 : 0;
  const source = (x: number, y: number) => {
    const drop = (y - height / 2) / scale;
    const across = left + x / scale;
    const middle = line.startY * plane.height + slope * (across - line.left * plane.width);
    return { x: across + lean * drop, y: middle + drop };
  };
  const data = new Uint8Array(width * height);
  for (let at = 0; at < data.length; at += 1) {
    const { x, y } = source(at % width, Math.floor(at / width));
    data[at] = brightnessAt(plane, x, y);
  }
  const locate = (x: number, y: number) => {
    const at = source(x, y);
    return { x: at.x / plane.width, y: at.y / plane.height };
  };
  return {
    width,
    height,
    locate,
    centre: locate(width / 2, height / 2),
    data: stretch(variant === "flat" ? flatten({ width, height, data }) : data),
    share: (pixels) => pixels / scale / plane.height,
  };
}

/** What differs from the surroundings, without the surroundings. */
function flatten(plane: Plane): Uint8Array {
  const darkness = darknessOf(plane, letterHeight);
  return Uint8Array.from(darkness, (value) => Math.min(255, Math.max(0, 128 - value)));
}

/**
 * Spreads the brightnesses between the 2nd and 98th percentile over the whole range. Most of a line is
 * not ink: when most of it is dark, light and dark change places.
 */
function stretch(data: Uint8Array): Uint8Array {
  const sorted = data.toSorted();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  const low = at(0.02);
  const range = Math.max(16, at(0.98) - low);
  const isInverted = at(0.5) < low + range / 2;
  return data.map((brightness) => {
    const value = Math.min(255, Math.max(0, ((brightness - low) / range) * 255));
    return isInverted ? 255 - value : value;
  });
}
