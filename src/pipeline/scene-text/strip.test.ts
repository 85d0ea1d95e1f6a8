import { expect, test } from "vitest";
import { cutOut, stripHeight } from "./strip.ts";

/** White, with a red dot of 7 × 7 pixels centred on (x, y). */
function dotAt(x: number, y: number) {
  const [width, height] = [400, 300];
  const data = new Uint8Array(3 * width * height).fill(255);
  for (let down = -3; down <= 3; down += 1)
    for (let across = -3; across <= 3; across += 1)
      data.fill(
        0,
        3 * ((y + down) * width + x + across) + 1,
        3 * ((y + down) * width + x + across) + 3,
      );
  return { width, height, data };
}

/** The centre of the non-white pixels in the strip's blue plane, in fractions of its filled width and height. */
function dotIn({ data, filled, width }: ReturnType<typeof cutOut>) {
  let [sumX, sumY, count] = [0, 0, 0];
  for (let at = 0; at < width * stripHeight; at += 1) {
    if (at % width >= filled || (data[at] ?? 1) > 0) continue;
    [sumX, sumY, count] = [sumX + (at % width), sumY + Math.floor(at / width), count + 1];
  }
  return { x: (sumX / count + 0.5) / filled, y: (sumY / count + 0.5) / stripHeight };
}

test("a level line keeps its places; planes are blue, green, red; behind it is padding", () => {
  const place = { centre: { x: 200, y: 150 }, length: 160, height: 40, radians: 0 };
  const strip = cutOut(dotAt(240, 140), place, "turned");
  expect(strip).toMatchObject({ filled: 192, width: 192 });
  expect(dotIn(strip).x).toBeCloseTo(0.75, 1);
  expect(dotIn(strip).y).toBeCloseTo(0.25, 1);
  const plane = strip.width * stripHeight;
  const at = 12 * strip.width + 144;
  expect([strip.data[at], strip.data[plane + at], strip.data[2 * plane + at]]).toEqual([-1, -1, 1]);
  const narrow = cutOut(dotAt(240, 140), { ...place, length: 20 }, "turned");
  expect(narrow.data[narrow.width - 1]).toBe(0);
});

test("a slanting line is put level, with its letters turned with it or upright", () => {
  const place = { centre: { x: 200, y: 150 }, length: 160, height: 40, radians: 0.4 };
  const along = {
    x: 200 + Math.round(60 * Math.cos(0.4)),
    y: 150 + Math.round(60 * Math.sin(0.4)),
  };
  for (const letters of ["turned", "upright"] as const) {
    const { x, y } = dotIn(cutOut(dotAt(along.x, along.y), place, letters));
    expect(x).toBeCloseTo(0.5 + 60 / 160, 1);
    expect(y).toBeCloseTo(0.5, 1);
  }
  const above = dotAt(200, 138);
  expect(dotIn(cutOut(above, place, "upright")).x).toBeCloseTo(0.5, 1);
  expect(dotIn(cutOut(above, place, "turned")).x).toBeLessThan(0.49);
});

test("outside the picture its edge is repeated", () => {
  const place = { centre: { x: 0, y: 0 }, length: 100, height: 40, radians: 0 };
  const { data } = cutOut(dotAt(200, 150), place, "turned");
  expect(data[0]).toBe(1);
});
