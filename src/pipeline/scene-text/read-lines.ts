import type { ReadText } from "../ports/vision.ts";
import type { Glyph } from "./decode.ts";
import type { Picture } from "./picture.ts";
import { barely, clear, findRegions, type Region, type TextMap } from "./regions.ts";
import { cutOut, type Place } from "./strip.ts";
import type { TextNetworks } from "./text-networks.ts";
import type { View } from "./view.ts";

/** The largest lines of a view; smaller ones are left to closer looks. */
const linesMost = 24;

export type Reading = {
  readonly picture: Picture;
  readonly networks: TextNetworks;
  /** Texts from earlier looks. */
  readonly texts: readonly ReadText[];
  readonly preparation: string;
};
export type Seen = {
  readonly texts: readonly ReadText[];
  /** Possible text, most likely first; includes the lines that were read. */
  readonly faint: () => readonly Place[];
  /** No trace of text anywhere in the view. */
  readonly isBlank: () => boolean;
};

/** Finds the lines of a view and reads each from the original picture, at full detail. */
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

/** Two confident looks at a line are enough; for a name, one. */
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

/** Letters only, and hardly mistakable. */
export function isSureName({ text, confidence }: ReadText): boolean {
  return confidence >= 0.98 && /^\p{L}{3,}$/u.test(text);
}

/** Lines with these slopes may be on a receding side, where letters stay upright. */
const slanted = { least: 0.1, most: 0.7 };

/**
 * Reads a slanting line both with its letters turned along with it and with them upright; the more confident
 * reading counts.
 */
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

/** The weakest character counts as much as the mean: one wrong character makes a different model. */
function confidenceIn(glyphs: readonly Glyph[]): number {
  const weakest = Math.min(...glyphs.map(({ probability }) => probability));
  const mean = glyphs.reduce((sum, { probability }) => sum + probability, 0) / glyphs.length;
  return 0.5 * weakest + 0.5 * mean;
}

/** Maps a region of the view to the picture. */
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
  /** How much longer the strip is than its line. */
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
  // Level about the line's centre, so that its words stay next to each other.
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
