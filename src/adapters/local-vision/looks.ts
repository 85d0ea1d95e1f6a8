import type { ReadText } from "../../pipeline/ports.ts";
import type { Sign } from "./decode.ts";
import type { Networks } from "./networks.ts";
import { type Part, type Picture, type View, viewOf } from "./picture.ts";
import { findRegions, type Region } from "./regions.ts";
import { cutOut, type Place } from "./strip.ts";

/** One way of looking at a picture. */
export type Look = {
  readonly name: string;
  readonly part: Part;
  /** How many pixels the longer side of the part gets. */
  readonly side: number;
  /** By how much it is turned clockwise before text is looked for. */
  readonly degrees: number;
};

const whole: Part = { left: 0, top: 0, width: 1, height: 1 };

/** Most rewarding first. */
export const looks: readonly Look[] = [{ name: "whole@960", part: whole, side: 960, degrees: 0 }];

/** The largest lines of a look; what is smaller is read by a finer look. */
const linesMost = 24;

export async function readLook(
  picture: Picture,
  look: Look,
  networks: Networks,
  goesOn: () => Promise<boolean>,
): Promise<readonly ReadText[]> {
  const view = await viewOf(picture, look.part, look);
  const regions = findRegions(await networks.detect(view.pixels))
    .toSorted((a, b) => b.height * b.score - a.height * a.score)
    .slice(0, linesMost);
  const texts: ReadText[] = [];
  for (const region of regions) {
    if (!(await goesOn())) break;
    const place = placeOf(region, view);
    const strip = cutOut(picture, place);
    const signs = await networks.recognise(strip);
    const share = strip.width / strip.filled;
    texts.push(...toTexts(signs, share, place, picture, look.name));
  }
  return texts;
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

function toTexts(
  signs: readonly Sign[],
  share: number,
  place: Place,
  picture: Picture,
  preparation: string,
): readonly ReadText[] {
  const texts: ReadText[] = [];
  let word: Sign[] = [];
  const end = () => {
    if (word.length > 0) texts.push(toText(word, share, place, picture, preparation));
    word = [];
  };
  for (const sign of signs) {
    if (sign.text === " ") end();
    else word.push(sign);
  }
  end();
  return texts;
}

function toText(
  word: readonly Sign[],
  share: number,
  place: Place,
  picture: Picture,
  preparation: string,
): ReadText {
  const weakest = Math.min(...word.map(({ probability }) => probability));
  const mean = word.reduce((sum, { probability }) => sum + probability, 0) / word.length;
  const letter = (0.5 * place.height) / place.length;
  const from = Math.max(0, (word[0]?.at ?? 0) * share - letter / 2);
  const to = Math.min(1, (word.at(-1)?.at ?? 1) * share + letter / 2);
  const middle = ((from + to) / 2 - 0.5) * place.length;
  // Level about the middle of the line, so that its words stay beside each other.
  const width = (to - from) * place.length;
  return {
    text: word.map(({ text }) => text).join(""),
    confidence: 0.5 * weakest + 0.5 * mean,
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
