import { TuError } from "../../pipeline/errors.ts";
import type { ReadText } from "../../pipeline/ports/vision.ts";

// Draws the recognised texts on the picture. Fonts may be missing where it runs: boxes and colours carry the meaning
// too.

export type Mark = Pick<ReadText, "text" | "box" | "degrees" | "preparation"> & {
  /** `other`: read but not understood. */
  readonly kind: "brand" | "model" | "ignored" | "other";
  /** Whether the machine has it; otherwise drawn with a dashed line. */
  readonly isTaken: boolean;
};
export type Drawing = {
  readonly marks: readonly Mark[];
  /** Names the machine. */
  readonly legend: string;
};
export const drawnFormats = ["png", "jpeg", "webp"] as const;
export type DrawnFormat = (typeof drawnFormats)[number];

export const markColours: Readonly<Record<Mark["kind"], string>> = {
  brand: "#00e05a",
  model: "#ff2fd0",
  ignored: "#ff9100",
  other: "#4cc9ff",
};
const captions: Readonly<Record<Mark["kind"], string>> = {
  brand: "brand",
  model: "model",
  ignored: "ignored",
  other: "not understood",
};
const kinds = ["other", "ignored", "model", "brand"] as const;
const mostPixels = 50_000_000;
/** Width of a letter as a fraction of its height, in nearly any font. */
const letterWidth = 0.65;

/** The upright picture, at its original size. Throws E_OUTPUT if it cannot be drawn or encoded. */
export async function annotate(
  image: Uint8Array,
  drawing: Drawing,
  format: DrawnFormat,
): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  try {
    const upright = await sharp(image, { limitInputPixels: mostPixels })
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { channels, height, width } = upright.info;
    return await sharp(upright.data, { raw: { width, height, channels } })
      .composite([{ input: Buffer.from(svgOf(drawing, { width, height })) }])
      .toFormat(format, format === "png" ? {} : { quality: 92 }) // for a PNG it would switch to a palette
      .toBuffer();
  } catch (cause) {
    throw new TuError("E_OUTPUT", `the picture cannot be drawn as ${format}`, {
      hint: "use .png, which supports the largest pictures",
      cause,
    });
  }
}

type Size = { readonly width: number; readonly height: number };
type Point = { readonly x: number; readonly y: number };
type PlacedMark = {
  readonly mark: Mark;
  /** Level, in pixels. */
  readonly place: Point & Size;
  /** The centre of the line's rotation. */
  readonly pivot: Point;
};

function svgOf({ legend, marks }: Drawing, size: Size): string {
  const unit = Math.max(12, Math.min(size.width, size.height) / 36);
  const placed = placedMarks(marks, size).toSorted(
    // What was accepted is drawn on top.
    (a, b) => kinds.indexOf(a.mark.kind) - kinds.indexOf(b.mark.kind),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" font-family="DejaVu Sans, Arial, Helvetica, sans-serif">`,
    drawLegend(legend, placed, size, unit),
    ...withLabels(placed, unit, size).map((one) => drawMark(one, unit)),
    "</svg>",
  ].join("\n");
}

/**
 * The words of a rotated line are given level, side by side, around the centre of the line; words of one look that
 * follow each other at one height and angle form such a line.
 */
function placedMarks(marks: readonly Mark[], size: Size): readonly PlacedMark[] {
  const lines: Mark[][] = [];
  for (const mark of marks) {
    const line = lines.at(-1);
    const last = line?.at(-1);
    if (line !== undefined && last !== undefined && isSameLine(last, mark)) line.push(mark);
    else lines.push([mark]);
  }
  return lines.flatMap((line) => {
    const places = line.map(({ box }) => pixelsOf(box, size));
    const left = Math.min(...places.map(({ x }) => x));
    const right = Math.max(...places.map(({ width, x }) => x + width));
    return line.map((mark, index): PlacedMark => {
      const place = places[index] ?? pixelsOf(mark.box, size);
      return { mark, place, pivot: { x: (left + right) / 2, y: place.y + place.height / 2 } };
    });
  });
}

function isSameLine(a: Mark, b: Mark): boolean {
  const isTurned = (a.degrees ?? 0) !== 0 && a.degrees === b.degrees;
  const isLevel = a.box.y === b.box.y && a.box.height === b.box.height;
  return isTurned && isLevel && a.preparation === b.preparation;
}

function pixelsOf(box: ReadText["box"], { height, width }: Size): Point & Size {
  return {
    x: box.x * width,
    y: box.y * height,
    width: box.width * width,
    height: box.height * height,
  };
}

type LabelledMark = PlacedMark & { readonly label: Point & Size };

/** Places each label where it covers no other box and no other label, if there is such a place next to its box. */
function withLabels(
  placed: readonly PlacedMark[],
  unit: number,
  size: Size,
): readonly LabelledMark[] {
  const labels: (Point & Size)[] = [];
  // The most informative labels choose first.
  const labelled = placed.toReversed().map((one): LabelledMark => {
    const taken = [...placed.filter((other) => other !== one).map(({ place }) => place), ...labels];
    const places = labelPlaces(one, fontOf(one.mark, placed.length, unit), size);
    const isFree = (place: Point & Size) => !taken.some((other) => isOverlapping(place, other));
    const [first] = places;
    const label = places.find(isFree) ?? first ?? one.place;
    labels.push(label);
    return { ...one, label };
  });
  return labelled.toReversed();
}

function fontOf({ isTaken }: Mark, count: number, unit: number): number {
  const crowded = count > 40 ? 0.6 : count > 15 ? 0.8 : 1;
  return Math.max(9, round((isTaken ? unit : unit * 0.7) * crowded));
}

/** Above, below and to the right, as far as these are within the picture. */
function labelPlaces({ mark, place }: PlacedMark, font: number, size: Size) {
  const width = letterWidth * font * [...mark.text].length;
  const label = { width, height: font * 1.2 };
  const end = place.x + place.width;
  const x = place.x + width > size.width ? end - width : place.x;
  const above = { ...label, x, y: place.y - font * 1.3 };
  const below = { ...label, x, y: place.y + place.height + font * 0.1 };
  const right = { ...label, x: end + font * 0.3, y: place.y + place.height / 2 - font * 0.6 };
  const inside = [above, below, right].filter(
    (one) => one.y >= 0 && one.y + one.height <= size.height && one.x + width <= size.width,
  );
  return inside.length > 0 ? inside : [above.y >= 0 ? above : below];
}

function isOverlapping(a: Point & Size, b: Point & Size): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function drawMark({ label: spot, mark, pivot, place }: LabelledMark, unit: number): string {
  const colour = markColours[mark.kind];
  const line = Math.max(2, unit / (mark.isTaken ? 5 : 9));
  const [x, y, width, height] = [place.x, place.y, place.width, place.height].map(round);
  const broken = mark.isTaken ? "" : ` stroke-dasharray="${round(line * 3)} ${round(line * 2)}"`;
  const turn = `rotate(${round(mark.degrees ?? 0)} ${round(pivot.x)} ${round(pivot.y)})`;
  const font = round(spot.height / 1.2);
  const label = `x="${round(spot.x)}" y="${round(spot.y + font * 0.95)}" font-size="${font}" font-weight="bold"`;
  const words = escaped(mark.text);
  return [
    `<g transform="${turn}">`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="#000000" stroke-opacity="0.6" stroke-width="${round(line * 1.8)}"/>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="${colour}" stroke-width="${round(line)}"${broken}/>`,
    // Twice, because not every renderer supports choosing which of the two to paint first.
    `<text ${label} stroke="#000000" stroke-width="${round(font / 5)}" stroke-linejoin="round">${words}</text>`,
    `<text ${label} fill="${colour}">${words}</text>`,
    "</g>",
  ].join("");
}

/** The colour key and the machine: at the bottom, or at the top if there are fewer texts. */
function drawLegend(
  legend: string,
  placed: readonly PlacedMark[],
  { height, width }: Size,
  unit: number,
): string {
  const keys = (["brand", "model", "ignored", "other"] as const).map((kind) => ({
    colour: markColours[kind],
    caption: captions[kind],
  }));
  const characters = keys.reduce((sum, { caption }) => sum + caption.length + 5, 0);
  const fontFor = (length: number) =>
    Math.min(unit, (width * 0.96) / (letterWidth * Math.max(1, length)));
  const name = fontFor([...legend].length);
  const key = fontFor(characters) * 0.9;
  const bar = name * 1.6 + key * 1.5;
  const top = height - bar;
  let x = width * 0.02;
  const row = keys.map(({ caption, colour }) => {
    const square = `<rect x="${round(x)}" y="${round(height - key * 1.35)}" width="${round(key)}" height="${round(key)}" fill="${colour}"/>`;
    const text = `<text x="${round(x + key * 1.3)}" y="${round(height - key * 0.5)}" font-size="${round(key)}" fill="#ffffff">${caption}</text>`;
    x += (caption.length + 5) * letterWidth * key;
    return square + text;
  });
  const covered = (from: number, to: number) =>
    placed.filter(({ place }) => place.y < to && place.y + place.height > from).length;
  const up = covered(top, height) > covered(0, bar) ? -top : 0;
  return [
    `<g transform="translate(0 ${round(up)})">`,
    `<rect x="0" y="${round(top)}" width="${width}" height="${round(bar)}" fill="#101010" fill-opacity="0.85"/>`,
    `<text x="${round(width * 0.02)}" y="${round(top + name * 1.2)}" font-size="${round(name)}" font-weight="bold" fill="#ffffff">${escaped(legend)}</text>`,
    ...row,
    "</g>",
  ].join("");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Text from the picture is data: no markup, and nothing that XML cannot represent. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
