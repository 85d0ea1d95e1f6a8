import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import type { Images } from "../ports/images.ts";
import type { ReadText, Vision, VisionHint } from "../ports/vision.ts";
import { RecogniseReport } from "../reports/recognise.ts";
import { recogniseImage, recogniseReport } from "./recognise-image.ts";

const clock = createManualClock(0);
const read = (text: string, y: number, more: Partial<ReadText> = {}): ReadText => ({
  text,
  confidence: 0.97,
  box: { x: 0.1, y, width: 0.2, height: 0.05 },
  preparation: "whole@960",
  ...more,
});
const provider = {
  name: "local",
  apiVersion: null,
  featureset: ["TextDetection"],
  maxResults: null,
  reasoningName: null,
  reasoningModel: null,
};
const passes = [
  [read("KOMATSU", 0.1)],
  [read("PC210LC", 0.3, { degrees: 12, preparation: "left" })],
  [read("NEVER READ", 0.5)],
];

const hints: readonly VisionHint[] = [
  { source: "logo", text: "Komatsu", score: 0.9, box: { x: 0, y: 0, width: 0.1, height: 0.1 } },
  { source: "label", text: "Asphalt", score: null, box: null },
];

/** Reads pass by pass, one second each, and stops when `isEnough`. */
const vision: Vision = {
  async read(_, { isEnough }) {
    const texts: ReadText[] = [];
    for (const pass of passes) {
      await clock.advance(1000);
      texts.push(...pass);
      if (isEnough(texts, "machine")) break;
    }
    return { provider, texts, hints };
  },
  atOnce: 1,
  warmUp: () => undefined,
  close: async () => undefined,
};
const images = {
  identify: async () => ({
    format: "jpeg",
    contentType: "image/jpeg",
    width: 400,
    height: 300,
    orientation: 6,
  }),
  verify: () => clock.advance(50),
} as Partial<Images> as Images; // nothing else is called

test("the machine, every text with its reason, and where the time went", async () => {
  const recognised = await recogniseImage({ bytes: new Uint8Array(3) }, { clock, images, vision });
  const report = RecogniseReport.parse(recogniseReport("a.jpg", recognised, null));
  expect(report.machine).toMatchObject({ brand: "Komatsu", model: "PC210LC", type: "Excavator" });
  expect(report.texts.map(({ degrees, text }) => [text, degrees])).toEqual([
    ["KOMATSU", 0],
    ["PC210LC", 12],
  ]);
  expect(report.texts[1]?.meanings.map(({ about }) => about)).toEqual(["model", "type"]);
  expect(report.hints).toMatchObject([
    { source: "logo", box: { width: 0.1 }, meanings: [{ about: "brand", isTaken: true }] },
    { source: "label", score: null, box: null, meanings: [{ about: "ignored" }] },
  ]);
  expect(report.timings).toEqual([
    { name: "check", ms: 50 },
    { name: "read", ms: 2000 },
    { name: "rules", ms: 0 },
    { name: "explain", ms: 0 },
  ]);
  expect(report.image).toEqual({ format: "jpeg", width: 300, height: 400 });
});

test("the reader can ask whether the machine, or only the brand, is known", async () => {
  const known: boolean[] = [];
  const asking: Vision = {
    ...vision,
    async read(_, { isEnough }) {
      const texts = passes[0] ?? [];
      known.push(isEnough(texts, "brand"), isEnough(texts, "machine"));
      return { provider, texts, hints: [] };
    },
  };
  await recogniseImage({ bytes: new Uint8Array(3) }, { clock, images, vision: asking });
  expect(known).toEqual([true, false]);
});

test("a broken image is not read", async () => {
  const broken: Images = { ...images, verify: () => Promise.reject(new Error("broken")) };
  const never: Vision = { ...vision, read: () => Promise.reject(new Error("was read")) };
  await expect(
    recogniseImage({ bytes: new Uint8Array(3) }, { clock, images: broken, vision: never }),
  ).rejects.toThrow("broken");
});
