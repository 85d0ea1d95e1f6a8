import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { annotate, type Drawing, type Mark, markColours } from "./annotate.ts";

const grey = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#777777" } });
const mark = (more: Partial<Mark> = {}): Mark => ({
  kind: "brand",
  isTaken: true,
  text: "KOMATSU",
  box: { x: 0.25, y: 0.25, width: 0.5, height: 0.2 },
  preparation: "whole@960",
  ...more,
});

type Pixels = { readonly data: Buffer; readonly width: number; readonly height: number };

async function drawn(marks: readonly Mark[], more: Partial<Drawing> = {}): Promise<Pixels> {
  const image = await grey(800, 600).png().toBuffer();
  const png = await annotate(image, { marks, legend: "nothing", ...more }, "png");
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** The distance between a mark's colour and the nearest pixel within `radius` of a position (in pixels). */
function distance({ data, width }: Pixels, kind: Mark["kind"], [x, y]: readonly [number, number]) {
  const wanted = [1, 3, 5].map((at) => Number.parseInt(markColours[kind].slice(at, at + 2), 16));
  let nearest = 999;
  for (let row = y - 2; row <= y + 2; row += 1) {
    for (let column = x - 2; column <= x + 2; column += 1) {
      const from = (row * width + column) * 3;
      const apart = wanted.map((value, index) => Math.abs(value - (data[from + index] ?? 0)));
      nearest = Math.min(nearest, Math.max(...apart));
    }
  }
  return nearest;
}

describe("what was read is drawn where it was read", () => {
  test.each(["brand", "model", "ignored", "other"] as const)(
    "%s: a box in its colour on all four sides, and nothing of it elsewhere",
    async (kind) => {
      const picture = await drawn([mark({ kind })]);
      for (const side of [
        [400, 150],
        [400, 270],
        [200, 210],
        [600, 210],
      ] as const)
        expect(distance(picture, kind, side), String(side)).toBeLessThan(60);
      expect(distance(picture, kind, [400, 210])).toBeGreaterThan(60);
      expect(distance(picture, kind, [700, 400])).toBeGreaterThan(60);
    },
  );

  test("a turned box is turned about its middle", async () => {
    const picture = await drawn([mark({ degrees: 90 })]);
    // 400 × 120 around (400, 210), rotated upright.
    expect(distance(picture, "brand", [340, 330])).toBeLessThan(60);
    expect(distance(picture, "brand", [460, 100])).toBeLessThan(60);
    expect(distance(picture, "brand", [200, 210])).toBeGreaterThan(60);
  });

  test("words of one turned line turn about the middle of the line", async () => {
    const word = (x: number, kind: Mark["kind"]) =>
      mark({ degrees: 90, kind, box: { x, y: 0.4, width: 0.125, height: 0.1 } });
    const picture = await drawn([word(0.375, "brand"), word(0.5, "model")]);
    // Level they extend from 300 to 500; upright from 170 to 370, the first one above.
    expect(distance(picture, "brand", [370, 220])).toBeLessThan(60);
    expect(distance(picture, "model", [370, 320])).toBeLessThan(60);
  });

  test("what stands upright in the picture is drawn upright", async () => {
    const image = await grey(300, 500).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const jpeg = await annotate(image, { marks: [mark()], legend: "" }, "jpeg");
    expect(await sharp(jpeg).metadata()).toMatchObject({ format: "jpeg", width: 500, height: 300 });
  });
});

test("a label stands below its box where another line stands above it", async () => {
  const upper = mark({
    kind: "brand",
    text: "",
    box: { x: 0.25, y: 0.2, width: 0.3, height: 0.1 },
  });
  const lower = mark({
    kind: "model",
    text: "MMMM",
    box: { x: 0.25, y: 0.32, width: 0.3, height: 0.1 },
  });
  const picture = await drawn([upper, lower]);
  const hasModel = (from: number, to: number) =>
    Array.from({ length: 24 }, (_, step) => 206 + step * 4).some((x) =>
      Array.from({ length: to - from }, (_, step) => from + step).some(
        (y) => distance(picture, "model", [x, y]) < 60,
      ),
    );
  expect(hasModel(168, 185)).toBe(false);
  expect(hasModel(260, 275)).toBe(true);
});

test("the legend is at the bottom and leaves the picture its size", async () => {
  const { data, height, width } = await drawn([], { legend: "Komatsu · PC210LC" });
  expect([width, height]).toEqual([800, 600]);
  expect(data[((height - 2) * width + width - 2) * 3]).toBeLessThan(60);
  expect(data[(10 * width + 10) * 3]).toBe(0x77);
});

test("the legend does not cover text at the bottom", async () => {
  const low = mark({ box: { x: 0.5, y: 0.92, width: 0.2, height: 0.05 } });
  const { data, height, width } = await drawn([low]);
  expect(data[(2 * width + width - 2) * 3]).toBeLessThan(60);
  expect(data[((height - 2) * width + 2) * 3]).toBe(0x77);
});

test.each([
  ["markup", "</text><script>\"&'</script>&lt;"],
  ["control characters", "a\u0000\u001b[31mb\u0007\u202e"],
  ["half a sign", "a\ud800b\uffff"],
  ["nothing", ""],
  ["a very long text", "W".repeat(3000)],
])("%s in a text is data", async (_, text) => {
  const picture = await drawn([mark({ text })], { legend: text });
  expect(distance(picture, "brand", [400, 270])).toBeLessThan(60);
});

test.each([
  ["a place outside the picture", { x: -3, y: 4, width: 0.5, height: 0.1 }],
  ["no size", { x: 0.5, y: 0.5, width: 0, height: 0 }],
])("%s does no harm", async (_, box) => {
  expect(await drawn([mark({ box })])).toMatchObject({ width: 800, height: 600 });
});

test("a tiny picture and a transparent one are drawn too", async () => {
  const clear = { width: 9, height: 7, channels: 4, background: "#00000000" } as const;
  const image = await sharp({ create: clear }).png().toBuffer();
  const webp = await annotate(image, { marks: [mark()], legend: "CAT" }, "webp");
  expect(await sharp(webp).metadata()).toMatchObject({ format: "webp", width: 9, height: 7 });
});

test("an image that cannot be encoded is reported as such", async () => {
  const image = await grey(17_000, 8).png().toBuffer();
  await expect(annotate(image, { marks: [], legend: "" }, "webp")).rejects.toMatchObject({
    code: "E_OUTPUT",
    hint: expect.stringContaining(".png"),
  });
});
