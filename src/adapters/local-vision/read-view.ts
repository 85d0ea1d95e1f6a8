import type { ReadText } from "../../pipeline/ports.ts";
import type { Sign } from "./decode.ts";
import type { Networks } from "./networks.ts";
import type { Picture } from "./picture.ts";
import { findRegions, type Region } from "./regions.ts";
import { cutOut, type Place } from "./strip.ts";
import type { View } from "./view.ts";

/** The largest lines of a view; what is smaller is read by a closer look. */
const linesMost = 24;

export type Reading = {
  readonly picture: Picture;
  readonly networks: Networks;
  readonly goesOn: () => Promise<boolean>;
  readonly faint: Place[];
  readonly preparation: string;
  readonly isFirst: boolean;
};

/** Finds the lines of a view and reads each from the picture itself, which has the finest detail. */
export async function readView(view: View, reading: Reading): Promise<readonly ReadText[]> {
  const { picture, networks, goesOn, preparation } = reading;
  const map = await networks.detect(view.pixels);
  if (reading.isFirst)
    reading.faint.push(
      ...findRegions(map, { leastInk: 0.15, leastScore: 0.2, lowest: 2 })
        .filter(({ height }) => height < 0.05 * view.pixels.height)
        .toSorted((a, b) => b.score - a.score)
        .map((region) => placeOf(region, view)),
    );
  const regions = findRegions(map)
    .filter((region) => !view.isCutOff(region))
    .toSorted((a, b) => b.height * b.score - a.height * a.score)
    .slice(0, linesMost);
  const texts: ReadText[] = [];
  for (const region of regions) {
    if (!(await goesOn())) break;
    const place = placeOf(region, view);
    const strip = cutOut(picture, place);
    const signs = await networks.recognise(strip);
    texts.push(
      ...toTexts(signs, { place, share: strip.width / strip.filled, picture, preparation }),
    );
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

type Line = {
  readonly place: Place;
  /** How much longer the strip is than the line in it. */
  readonly share: number;
  readonly picture: Picture;
  readonly preparation: string;
};

function toTexts(signs: readonly Sign[], line: Line): readonly ReadText[] {
  const texts: ReadText[] = [];
  let word: Sign[] = [];
  const end = () => {
    if (word.length > 0) texts.push(toText(word, line));
    word = [];
  };
  for (const sign of signs) {
    if (sign.text === " ") end();
    else word.push(sign);
  }
  end();
  return texts;
}

function toText(word: readonly Sign[], { place, share, picture, preparation }: Line): ReadText {
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
