import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { TuError } from "../../pipeline/errors.ts";
import type { ReadText } from "../../pipeline/ports/vision.ts";
import { createLocalVision } from "./vision.ts";

const vision = await createLocalVision();
afterAll(() => vision.close());

const says = (word: string) => (texts: readonly ReadText[]) =>
  texts.some(({ text }) => text === word);

function sign(text: string, turn = 0) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="700"><rect width="1000" height="700" fill="#e0ab20"/><text x="520" y="450" transform="rotate(${turn} 520 450)" font-family="DejaVu Sans" font-weight="bold" font-size="60" fill="#1c1c1c">${text}</text></svg>`;
  return sharp(Buffer.from(svg)).flatten();
}

test("says who it is", async () => {
  const { provider } = await vision.read(await sign("X").png().toBuffer(), {
    isEnough: () => true,
  });
  expect(provider).toEqual({
    name: "local",
    apiVersion: "v1",
    featureset: ["TextDetection", "ImageProperties"],
    maxResults: null,
    reasoningName: null,
    reasoningModel: null,
  });
});

test.each([0, 9, -9])("reads a word at %d° and says where it stands", async (turn) => {
  const image = await sign("KOMATSU", turn).jpeg().toBuffer();
  const { texts } = await vision.read(image, { isEnough: says("KOMATSU") });
  const found = texts.find(({ text }) => text === "KOMATSU");
  expect(found?.confidence).toBeGreaterThan(0.8);
  const { x = 0, y = 0, width = 0, height = 0 } = found?.box ?? {};
  expect(x).toBeCloseTo(0.52, 1);
  expect(x + width / 2).toBeCloseTo(0.7, 1);
  expect(y + height / 2).toBeCloseTo(0.62 + Math.tan((turn * Math.PI) / 180) * 0.25, 1);
});

test.each([35, -35])("reads livery on a boom at %d°, and places it", async (turn) => {
  const image = await sign("DOOSAN", turn).jpeg().toBuffer();
  const { texts } = await vision.read(image, { isEnough: says("DOOSAN") });
  const {
    x = 0,
    y = 0,
    width = 0,
    height = 0,
  } = texts.find(({ text }) => text === "DOOSAN")?.box ?? {};
  const along = (130 * Math.cos((turn * Math.PI) / 180)) / 1000;
  expect(x + width / 2).toBeCloseTo(0.52 + along, 1);
  expect(y + height / 2).toBeCloseTo(0.62 + (130 * Math.sin((turn * Math.PI) / 180)) / 700, 1);
});

test("reads a picture that is stored on its side, and places the text in the upright one", async () => {
  const upright = await sign("HITACHI").png().toBuffer();
  const stored = await sharp(upright)
    .rotate(-90)
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  const { texts } = await vision.read(stored, { isEnough: says("HITACHI") });
  expect(texts.find(({ text }) => text === "HITACHI")?.box.x).toBeCloseTo(0.52, 1);
});

test("stops when it is told that it is enough", async () => {
  const image = await sign("VOLVO").jpeg().toBuffer();
  let asked = 0;
  await vision.read(image, {
    isEnough: () => {
      asked += 1;
      return true;
    },
  });
  expect(asked).toBe(1);
});

test("an empty picture gives no text", async () => {
  const grey = sharp({ create: { width: 64, height: 48, channels: 3, background: "#777" } });
  const { texts } = await vision.read(await grey.png().toBuffer(), { isEnough: () => false });
  expect(texts).toEqual([]);
});

test("stops with the signal's reason", async () => {
  const reason = new TuError("E_INTERRUPTED", "stopped");
  const image = await sign("VOLVO").jpeg().toBuffer();
  const reading = vision.read(image, { isEnough: () => false, signal: AbortSignal.abort(reason) });
  await expect(reading).rejects.toBe(reason);
});

test("refuses what is no image", async () => {
  await expect(
    vision.read(new TextEncoder().encode("nothing"), { isEnough: () => false }),
  ).rejects.toMatchObject({ code: "E_IMAGE_NOT_AN_IMAGE" });
});

describe("closing", () => {
  test("fails what is under way, and more than once is fine", async () => {
    const other = await createLocalVision();
    other.warmUp();
    const image = await sign("VOLVO").jpeg().toBuffer();
    const reading = other.read(image, { isEnough: () => false });
    const outcome = expect(reading).rejects.toMatchObject({ code: "E_VISION_FAILED" });
    await other.close();
    await outcome;
    await other.close();
  });

  test("without ever reading is fine", async () => {
    await (await createLocalVision()).close();
  });
});
