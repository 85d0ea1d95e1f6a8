import type { ReadText } from "../ports/vision.ts";
import type { Glyph } from "./decode.ts";
import type { Picture } from "./picture.ts";
import { barely, clear, findRegions, type Region, type TextMap } from "./regions.ts";
import { cutOut, type Place } from "./strip.ts";
import type { TextNetworks } from "./text-networks.ts";
import type { View } from "./view.ts";

/** The largest lines of a view; what is smaller is read by a closer look. */
const linesMost = 24;

export type Reading = {
  readonly picture: Picture;
  readonly networks: TextNetworks;
  /** What earlier looks read. */
  readonly texts: readonly ReadText[];
  readonly preparation: string;
};
export type Seen = {
  readonly texts: readonly ReadText[];
  /** Where there may be text, likeliest first; lines that were read are among them. */
  readonly faint: () => readonly Place[];
  /** Not a trace of text anywhere in the view. */
  readonly isBlank: () => boolean;
};

/** Finds the lines of a view and reads each from the picture itself, which has the finest detail. */
export async function readLines(view: View, reading: Reading): Promise<Seen> {
  const map = await reading.networks.detect(view.pixels);
  const places = findRegions(map, clear)
    .filter((region) => !view.isCutOff(region))
    .toSorted((a, b) => b.height * b.score - a.height * a.score)
    .slice(0, linesMost)
    .map((region) => placeOf(region, view))
    .filter((place) => !isWellKnown(place, reading));
  const texts = await Promise.all(places.map((place) => readLine(place, reading)));
  return {
    texts: texts.flat(),
    faint: () => findFaint(map, view),
    isBlank: () => map.data.every((ink) => ink < barely.leastInk),
  };
}

function findFaint(map: TextMap, view: View): readonly Place[] {
  return findRegions(map, barely)
    .filter(({ height }) => height < 0.05 * view.pixels.height)
    .toSorted((a, b) => b.score - a.score)
    .map((region) => placeOf(region, view));
}

/** Two looks that were sure of the line are enough; of a name one is. */
function isWellKnown({ centre, height }: Place, { picture, texts }: Reading): boolean {
  const [x, y] = [centre.x / picture.width, centre.y / picture.height];
  const sure = texts.filter(
    ({ box, confidence }) =>
      confidence >= 0.95 &&
      Math.abs(box.x + box.width / 2 - x) < 0.2 * box.width &&
      Math.abs(box.y + box.height / 2 - y) < 0.3 * box.height &&
      Math.abs(Math.log((box.height * picture.height) / height)) < 0.5,
  );
  return sure.some(isSureName) || new Set(sure.map(({ preparation }) => preparation)).size >= 2;
}

/** Letters alone that hardly can be others. */
export function isSureName({ text, confidence }: ReadText): boolean {
  return confidence >= 0.98 && /^\p{L}{3,}$/u.test(text);
}

/** From this slope on a line may be written on a side that runs away, where letters stay upright. */
const slanted = { least: 0.1, most: 0.7 };

/** A slanting line is read with its letters turned with it and with its letters upright; the surer one counts. */
async function readLine(place: Place, reading: Reading): Promise<readonly ReadText[]> {
  const slope = Math.abs(place.radians);
  const isSlanted = slope > slanted.least && slope < slanted.most;
  const strips = [
    cutOut(reading.picture, place, "turned"),
    ...(isSlanted ? [cutOut(reading.picture, place, "upright")] : []),
  ];
  const read = await Promise.all(strips.map((strip) => reading.networks.recognise(strip)));
  const [first = [], second = []] = read;
  const glyphs = sureness(second) > sureness(first) ? second : first;
  const share = (strips[0]?.width ?? 1) / (strips[0]?.filled ?? 1);
  return toTexts(glyphs, { ...reading, place, share });
}

function sureness(glyphs: readonly Glyph[]): number {
  const letters = glyphs.filter(({ text }) => text !== " ");
  return letters.length === 0 ? 0 : confidenceIn(letters) + 0.02 * letters.length;
}

/** The weakest sign counts as much as the mean: one wrong sign makes another model. */
function confidenceIn(glyphs: readonly Glyph[]): number {
  const weakest = Math.min(...glyphs.map(({ probability }) => probability));
  const mean = glyphs.reduce((sum, { probability }) => sum + probability, 0) / glyphs.length;
  return 0.5 * weakest + 0.5 * mean;
}

/** Where a region of the view lies in the picture. */
function placeOf({ centre, length, height, radians }: Region, { toPicture }: View): Place {
  const middle = toPicture(centre);
  const along = toPicture({
    x: centre.x + Math.cos(radians) * length,
    y: centre.y + Math.sin(radians) * length,
  });
  const [run, drop] = [along.x - middle.x, along.y - middle.y];
  const scale = Math.hypot(run, drop) / length;
  return {
    centre: middle,
    length: length * scale,
    height: height * scale,
    radians: Math.atan2(drop, run),
  };
}

type Line = {
  readonly place: Place;
  /** How much longer the strip is than the line in it. */
  readonly share: number;
  readonly picture: Picture;
  readonly preparation: string;
};

function toTexts(glyphs: readonly Glyph[], line: Line): readonly ReadText[] {
  const texts: ReadText[] = [];
  let word: Glyph[] = [];
  const end = () => {
    if (word.length > 0) texts.push(toText(word, line));
    word = [];
  };
  for (const sign of glyphs) {
    if (sign.text === " ") end();
    else word.push(sign);
  }
  end();
  return texts;
}

function toText(word: readonly Glyph[], { place, share, picture, preparation }: Line): ReadText {
  const letter = (0.5 * place.height) / place.length;
  const from = Math.max(0, (word[0]?.at ?? 0) * share - letter / 2);
  const to = Math.min(1, (word.at(-1)?.at ?? 1) * share + letter / 2);
  const middle = ((from + to) / 2 - 0.5) * place.length;
  // Level about the middle of the line, so that its words stay beside each other.
  const width = (to - from) * place.length;
  return {
    text: word.map(({ text }) => text).join(""),
    confidence: confidenceIn(word),
    box: {
      x: (place.centre.x + middle - width / 2) / picture.width,
      y: (place.centre.y - place.height / 2) / picture.height,
      width: width / picture.width,
      height: place.height / picture.height,
    },
    degrees: Math.round((place.radians * 180) / Math.PI),
    preparation,
  };
}
