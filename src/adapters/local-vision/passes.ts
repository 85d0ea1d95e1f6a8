import type { Sharp } from "sharp";
import type { ReadText } from "../../pipeline/ports.ts";
import { findBlobs } from "./blobs.ts";
import { type Channel, type Plane, planeOf } from "./plane.ts";
import type { Reader, Word } from "./reader.ts";
import { type Patch, straighten, type Variant } from "./straighten.ts";
import { findTextLines, type TextLine } from "./text-lines.ts";

// The ways in which a picture is looked at, most rewarding first. Each yields what it read, a few lines
// at a time, so that the reading can stop as soon as it is enough.

export type Pass = (scene: Scene) => AsyncIterable<readonly ReadText[]>;
export type Scene = {
  readonly upright: Sharp;
  readonly reader: Reader;
  readonly view: (channel: Channel) => Promise<View>;
};
/** One channel of the picture: the lines in it, and the pixels that they are cut out of. */
type View = { readonly lines: readonly TextLine[]; readonly planes: readonly Plane[] };

/** Sides of the picture in which lines are looked for: small letters in the large one and vice versa. */
const searchSides = [1_400, 700] as const;
const patchSides = [2_400, 1_200, 600] as const;
const linesAtOnce = 4;

export const passes: readonly Pass[] = [
  (scene) => readLines(scene, { channel: "grey", variant: "plain", from: 0, most: 20 }),
  (scene) => readLines(scene, { channel: "blue", variant: "plain", from: 0, most: 12 }),
  (scene) => readLines(scene, { channel: "grey", variant: "flat", from: 0, most: 16 }),
  (scene) => readPage(scene, 1_200),
  (scene) => readLines(scene, { channel: "grey", variant: "leaning", from: 0, most: 12 }),
  (scene) => readLines(scene, { channel: "grey", variant: "plain", from: 20, most: 20 }),
];

/** Each channel is looked through once, however many passes use it. */
export function createScene(upright: Sharp, reader: Reader): Scene {
  const views = new Map<Channel, Promise<View>>();
  return {
    upright,
    reader,
    view(channel) {
      const view = views.get(channel) ?? viewOf(upright, channel);
      views.set(channel, view);
      return view;
    },
  };
}

async function viewOf(upright: Sharp, channel: Channel): Promise<View> {
  const planesAt = (sides: readonly number[]) =>
    Promise.all(sides.map((side) => planeOf(upright, channel, side)));
  const [searched, planes] = await Promise.all([planesAt(searchSides), planesAt(patchSides)]);
  return { lines: linesOf(searched), planes };
}

type LinePass = {
  readonly channel: Channel;
  readonly variant: Variant;
  readonly from: number;
  readonly most: number;
};

async function* readLines(scene: Scene, pass: LinePass): AsyncIterable<readonly ReadText[]> {
  const { lines, planes } = await scene.view(pass.channel);
  const end = Math.min(lines.length, pass.from + pass.most);
  for (let at = pass.from; at < end; at += linesAtOnce) {
    const some = lines.slice(at, Math.min(end, at + linesAtOnce));
    const read = some.map((line) => readLine(scene.reader, planes, line, pass));
    yield (await Promise.all(read)).flat();
  }
}

async function readLine(
  reader: Reader,
  planes: readonly Plane[],
  line: TextLine,
  { channel, variant }: LinePass,
): Promise<readonly ReadText[]> {
  // The smallest one that still shows the letters at the size at which they are read.
  const plane = planes.findLast(({ height }) => line.letter * height >= 26) ?? planes[0];
  if (plane === undefined) return [];
  const patch = straighten(plane, line, variant);
  const words = await reader.read(toPortableGreyMap(patch), "line");
  return words.map((word) => inPicture(word, patch, `line-${variant}-${channel}`));
}

function inPicture({ text, confidence, box }: Word, patch: Patch, preparation: string): ReadText {
  const from = patch.locate(box.x0, box.y0);
  const to = patch.locate(box.x1, box.y1);
  const middle = patch.locate((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2);
  const height = patch.share(box.y1 - box.y0);
  return {
    text,
    confidence,
    box: {
      x: Math.max(0, from.x),
      y: Math.max(0, middle.y - height / 2),
      width: Math.max(0, to.x - from.x),
      height,
    },
    preparation,
  };
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
