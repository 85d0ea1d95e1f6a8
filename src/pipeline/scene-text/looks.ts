import type { ReadText, Wanted } from "../ports/vision.ts";
import type { Picture } from "./picture.ts";
import { isSureName, readLines } from "./read-lines.ts";
import type { Point } from "./regions.ts";
import type { Place } from "./strip.ts";
import type { TextNetworks } from "./text-networks.ts";
import { type Part, viewOf, type Window } from "./view.ts";

// The looks taken at a picture, most rewarding first. Each is bounded by windows, pixels and lines, never by a
// clock, so that a picture gives the same texts on every machine.

/** A picture being read, and what earlier looks found. */
export type Scene = {
  readonly picture: Picture;
  readonly networks: TextNetworks;
  readonly texts: ReadText[];
  /** Where the first look saw possible text, but was unsure. */
  readonly faint: Place[];
  /** The first look saw everything the picture shows, and no trace of text. */
  isBlank: boolean;
};

type Look = {
  readonly name: string;
  /** What it can find; skipped if that is already known. */
  readonly wanted: Wanted;
  readonly windows: (scene: Scene) => readonly Window[];
};

const whole: Part = { left: 0, top: 0, width: 1, height: 1 };

/** Where bodies and cabs usually are. */
const middle: readonly Window[] = [0.12, 0.48].map((left) => ({
  part: { left, top: 0.27, width: 0.4, height: 0.55 },
  side: 700,
  degrees: 0,
}));

/** Names on steeply raised booms; once turned, a picture's corners are far from its centre. */
const bothWays: readonly Window[] = [35, -35].map((degrees) => ({
  part: { left: 0.15, top: 0.1, width: 0.7, height: 0.7 },
  side: 360,
  degrees,
}));

const looks: readonly Look[] = [
  { name: "whole", wanted: "machine", windows: () => [{ part: whole, side: 960, degrees: 0 }] },
  { name: "faint", wanted: "machine", windows: aroundFaint },
  { name: "close", wanted: "machine", windows: aroundTexts },
  { name: "middle", wanted: "machine", windows: unlessBlank(middle) },
  { name: "turned", wanted: "brand", windows: unlessBlank(bothWays) },
];

export const plan = looks.map(({ name, wanted }) => ({ name, wanted }));

export function sceneOf({ picture, networks }: Pick<Scene, "picture" | "networks">): Scene {
  return { picture, networks, texts: [], faint: [], isBlank: false };
}

/** The new texts that the look finds; also added to the scene. */
export async function look(name: string, scene: Scene): Promise<readonly ReadText[]> {
  const windows = looks.find((each) => each.name === name)?.windows(scene) ?? [];
  const found = await Promise.all(
    windows.map(async (window, index) => {
      const view = await viewOf(scene.picture, window, scene.networks);
      const preparation = windows.length === 1 ? name : `${name}-${index + 1}`;
      const { texts, faint, isBlank } = await readLines(view, { ...scene, preparation });
      if (name === "whole") {
        scene.faint.push(...faint());
        scene.isBlank = isBlank() && isShownWhole(scene.picture, view.pixels);
      }
      return texts;
    }),
  );
  const texts = found.flat();
  scene.texts.push(...texts);
  return texts;
}

function unlessBlank(windows: readonly Window[]): Look["windows"] {
  return ({ isBlank }) => (isBlank ? [] : windows);
}

/** Lines lost at this reduction are too small to be read from the picture, too. */
function isShownWhole(picture: Picture, seen: Picture): boolean {
  return picture.width < 1.5 * seen.width;
}

const faintMost = 8;

/** Possible text that has not been read. */
function aroundFaint({ faint, picture, texts }: Scene): readonly Window[] {
  const size = 0.2;
  const places = faint
    .map(({ centre }) => ({ x: centre.x / picture.width, y: centre.y / picture.height }))
    .filter((place) => !texts.some((text) => isReadAt(text, place)));
  return apart(places, size * 0.3)
    .slice(0, faintMost)
    .map(({ x, y }) => ({ part: partAround(x, y, size, size), side: 480, degrees: 0 }));
}

function isReadAt({ box, confidence }: ReadText, { x, y }: Point): boolean {
  const across = Math.abs(box.x + box.width / 2 - x);
  const down = Math.abs(box.y + box.height / 2 - y);
  return confidence > 0.85 && across < box.width / 2 + 0.01 && down < box.height / 2 + 0.005;
}

const closeMost = 4;
/** In pixels: the line height for a close look. */
const closeHeight = 40;

/** Rereads texts together with their surroundings: a suffix is often smaller than the number. */
function aroundTexts({ texts, picture }: Scene): readonly Window[] {
  const places = texts
    .filter((text) => text.text.length <= 9 && text.confidence > 0.3 && !isSureName(text))
    .toSorted((a, b) => doubt(b) - doubt(a))
    .map(({ box }) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2, box }));
  return apart(places, 0.015)
    .slice(0, closeMost)
    .map((place) => closeUp(place, picture));
}

/** Numbers first, then the lowest confidence. */
function doubt({ text, confidence }: ReadText): number {
  return Number(/\d/.test(text)) - confidence;
}

function closeUp({ x, y, box }: Point & Pick<ReadText, "box">, { width, height }: Picture): Window {
  const line = box.height * height;
  const wide = Math.max(3 * box.width * width, 9 * line);
  const side = Math.round(Math.min(640, Math.max(256, (wide * closeHeight) / line)));
  const high = Math.max(6 * line, wide * 0.5);
  return { part: partAround(x, y, wide / width, high / height), side, degrees: 0 };
}

/** The first of any places that are closer than `distance`. */
function apart<P extends Point>(places: readonly P[], distance: number): readonly P[] {
  const kept: P[] = [];
  for (const place of places) {
    const isNear = ({ x, y }: P) =>
      Math.abs(x - place.x) < distance && Math.abs(y - place.y) < distance;
    if (!kept.some(isNear)) kept.push(place);
  }
  return kept;
}

function partAround(x: number, y: number, width: number, height: number): Part {
  const [wide, high] = [Math.min(1, width), Math.min(1, height)];
  return {
    left: Math.max(0, Math.min(1 - wide, x - wide / 2)),
    top: Math.max(0, Math.min(1 - high, y - high / 2)),
    width: wide,
    height: high,
  };
}
