import type { Sharp } from "sharp";
import type { ReadText } from "../../pipeline/ports.ts";
import { findBlobs } from "./blobs.ts";
import { type Channel, type Plane, planeOf } from "./plane.ts";
import type { Reader, Word } from "./reader.ts";
import { type Patch, straighten, type Variant } from "./straighten.ts";
import { findTextLines, type TextLine } from "./text-lines.ts";
import { type Turned, turnPicture } from "./turn.ts";

// The ways in which a picture is looked at, most rewarding first. Each yields what it read, a few lines
// at a time, so that the reading can stop as soon as it is enough.

export type Pass = (scene: Scene) => AsyncIterable<readonly ReadText[]>;
export type Scene = {
  readonly upright: Sharp;
  readonly reader: Reader;
  readonly view: (look: Look) => Promise<View>;
};
/** `turn` is by how many degrees the picture is turned clockwise before lines are looked for. */
type Look = { readonly channel: Channel; readonly turn: number };
/** One look at the picture: the lines in it, and the pixels that they are cut out of. */
type View = {
  readonly lines: readonly TextLine[];
  readonly planes: readonly Plane[];
  readonly turned: Turned;
};

/** Sides of the picture in which lines are looked for: small letters in the large one and vice versa. */
const searchSides = [1_400, 700, 350] as const;
const patchSides = [2_400, 1_200, 600] as const;
const linesAtOnce = 4;

export const passes: readonly Pass[] = [
  (scene) => readLines(scene, { channel: "grey", turn: 0, variant: "plain", from: 0, most: 20 }),
  (scene) => readLines(scene, { channel: "blue", turn: 0, variant: "plain", from: 0, most: 12 }),
  (scene) => readLines(scene, { channel: "grey", turn: 0, variant: "flat", from: 0, most: 16 }),
  // Livery on booms: a line is found up to about 17° off the level, so these two reach 50°.
  (scene) => readLines(scene, { channel: "grey", turn: 33, variant: "plain", from: 0, most: 10 }),
  (scene) => readLines(scene, { channel: "grey", turn: -33, variant: "plain", from: 0, most: 10 }),
  (scene) => readPage(scene, 1_200),
  (scene) => readLines(scene, { channel: "grey", turn: 0, variant: "leaning", from: 0, most: 12 }),
  (scene) => readLines(scene, { channel: "grey", turn: 0, variant: "plain", from: 20, most: 20 }),
];

/** Each look is taken once, however many passes use it. */
export function createScene(upright: Sharp, reader: Reader): Scene {
  const views = new Map<string, Promise<View>>();
  return {
    upright,
    reader,
    view(look) {
      const key = `${look.channel} ${look.turn}`;
      const view = views.get(key) ?? viewOf(upright, look);
      views.set(key, view);
      return view;
    },
  };
}

async function viewOf(upright: Sharp, { channel, turn }: Look): Promise<View> {
  const turned = await turnPicture(upright, turn);
  const planesAt = (sides: readonly number[]) =>
    Promise.all(sides.map((side) => planeOf(turned.picture, channel, side)));
  const [searched, planes] = await Promise.all([planesAt(searchSides), planesAt(patchSides)]);
  return { lines: linesOf(searched), planes, turned };
}

type LinePass = Look & {
  readonly variant: Variant;
  readonly from: number;
  readonly most: number;
};

async function* readLines(scene: Scene, pass: LinePass): AsyncIterable<readonly ReadText[]> {
  const view = await scene.view(pass);
  const end = Math.min(view.lines.length, pass.from + pass.most);
  for (let at = pass.from; at < end; at += linesAtOnce) {
    const some = view.lines.slice(at, Math.min(end, at + linesAtOnce));
    const read = some.map((line) => readLine(scene.reader, view, line, pass));
    yield (await Promise.all(read)).flat();
  }
}

async function readLine(
  reader: Reader,
  { planes, turned }: View,
  line: TextLine,
  { channel, variant, turn }: LinePass,
): Promise<readonly ReadText[]> {
  // The smallest one that still shows the letters at the size at which they are read.
  const plane = planes.findLast(({ height }) => line.letter * height >= 26) ?? planes[0];
  if (plane === undefined) return [];
  const patch = straighten(plane, line, variant);
  const words = await reader.read(toPortableGreyMap(patch), "line");
  const preparation = turn === 0 ? `line-${variant}-${channel}` : `line-turned${turn}-${channel}`;
  return words.map(({ text, confidence, box }) => {
    return { text, confidence, box: turned.levelBox(boxIn(patch, box), patch.centre), preparation };
  });
}

/** A word's box in parts of the picture that the patch was cut out of; slanting lines do not swell it. */
function boxIn(patch: Patch, box: Word["box"]): ReadText["box"] {
  const from = patch.locate(box.x0, box.y0);
  const to = patch.locate(box.x1, box.y1);
  const middle = patch.locate((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2);
  const height = patch.share(box.y1 - box.y0);
  const x = Math.max(0, from.x);
  return { x, y: Math.max(0, middle.y - height / 2), width: Math.max(0, to.x - x), height };
}

/** Lines that look like text, best first; of those at the same place the best only. */
function linesOf(planes: readonly Plane[]): readonly TextLine[] {
  const found = planes
    .flatMap((plane) => {
      const { dark, light } = findBlobs(plane);
      return [...findTextLines(dark, plane), ...findTextLines(light, plane)];
    })
    .toSorted((a, b) => b.score - a.score);
  const kept: TextLine[] = [];
  for (const line of found) if (!kept.some((other) => isSame(line, other))) kept.push(line);
  return kept;
}

function isSame(a: TextLine, b: TextLine): boolean {
  const near = 0.6 * Math.min(a.letter, b.letter);
  return (
    Math.abs(a.left - b.left) < near &&
    Math.abs(a.right - b.right) < near &&
    Math.abs(a.startY - b.startY) < near &&
    Math.abs(a.endY - b.endY) < near
  );
}

async function* readPage(scene: Scene, side: number): AsyncIterable<readonly ReadText[]> {
  const plane = await planeOf(scene.upright, "grey", side);
  const words = await scene.reader.read(toPortableGreyMap(plane), "page");
  yield words.map(({ text, confidence, box }) => ({
    text,
    confidence,
    box: {
      x: box.x0 / plane.width,
      y: box.y0 / plane.height,
      width: (box.x1 - box.x0) / plane.width,
      height: (box.y1 - box.y0) / plane.height,
    },
    preparation: `page-grey@${side}`,
  }));
}

function toPortableGreyMap({ width, height, data }: Plane): Buffer {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), data]);
}
