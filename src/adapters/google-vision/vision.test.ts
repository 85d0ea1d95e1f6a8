import { describe, expect, test } from "vitest";
import type { ImageHeader } from "../../pipeline/ports/images.ts";
import { createGoogleVision, readingOf } from "./vision.ts";

const header = (size: { width: number; height: number; orientation?: number }): ImageHeader => ({
  format: "jpeg",
  contentType: "image/jpeg",
  orientation: 1,
  ...size,
});
const level = header({ width: 1000, height: 500 });

const corners = (x: number, y: number, width: number, height: number) => [
  { x, y },
  { x: x + width, y },
  { x: x + width, y: y + height },
  { x, y: y + height },
];
/** The last letter carries the break, as in the service; no break if the next word follows directly. */
const word = (text: string, vertices: object[], type?: string, confidence?: number) => ({
  boundingBox: { vertices },
  ...(confidence === undefined ? {} : { confidence }),
  symbols: [...text].map((sign, index) => ({
    text: sign,
    ...(type !== undefined && index === text.length - 1
      ? { property: { detectedBreak: { type } } }
      : {}),
  })),
});
const page = (words: object[], size: object = {}) => ({
  fullTextAnnotation: { pages: [{ ...size, blocks: [{ paragraphs: [{ words }] }] }], text: "" },
});

describe("text", () => {
  test("words without a break between them are one piece, in the box around them", () => {
    const answer = page([
      word("PC200", corners(100, 100, 200, 50), undefined, 0.9),
      word("-", corners(300, 100, 20, 50), undefined, 0.7),
      word("8", corners(320, 100, 40, 50), "LINE_BREAK", 0.95),
      word("KOMATSU", corners(100, 200, 300, 50), "LINE_BREAK", 0.99),
    ]);
    const { texts } = readingOf(answer, level);
    expect(texts.map(({ confidence, text }) => [text, confidence])).toEqual([
      ["PC200-8", 0.7],
      ["KOMATSU", 0.99],
    ]);
    expect(texts[0]?.box).toEqual({
      x: expect.closeTo(0.1),
      y: expect.closeTo(0.2),
      width: expect.closeTo(0.26),
      height: expect.closeTo(0.1),
    });
  });

  test("corners at the edge come without their zeros", () => {
    const edge = [{}, { x: 500 }, { x: 500, y: 250 }, { y: 250 }];
    const { texts } = readingOf(page([word("CAT", edge)]), level);
    expect(texts[0]?.box).toEqual({ x: 0, y: 0, width: 0.5, height: 0.5 });
  });

  test("a word without a stated confidence is sure enough to count", () => {
    expect(readingOf(page([word("CAT", corners(0, 0, 9, 9))]), level).texts[0]?.confidence).toBe(
      0.85,
    );
  });

  test("without its structure the single words are taken, not the whole text", () => {
    const annotation = (description: string, x: number) => ({
      description,
      boundingPoly: { vertices: corners(x, 10, 90, 20) },
    });
    const answer = {
      textAnnotations: [annotation("CAT\n930G", 0), annotation("CAT", 0), annotation("930G", 100)],
    };
    expect(readingOf(answer, level).texts.map(({ text }) => text)).toEqual(["CAT", "930G"]);
  });
});

describe("places are those of the upright picture", () => {
  // Stored on its side, to be rotated right (orientation 6): 1000 × 500 becomes 500 × 1000.
  const lying = header({ width: 1000, height: 500, orientation: 6 });
  const topLeft = {
    x: expect.closeTo(0.1),
    y: expect.closeTo(0.2),
    width: expect.closeTo(0.4),
    height: expect.closeTo(0.05),
  };

  test("when the answer has turned the picture before measuring", () => {
    const upright = page([word("CAT", corners(50, 200, 200, 50))], { width: 500, height: 1000 });
    expect(readingOf(upright, lying).texts[0]?.box).toEqual(topLeft);
  });

  test("when the answer has measured it as it is stored", () => {
    // Upright (50..250, 200..250) of 500 × 1000 lies at x 200..250, y 250..450 of 1000 × 500.
    const stored = [
      { x: 200, y: 450 },
      { x: 200, y: 250 },
      { x: 250, y: 250 },
      { x: 250, y: 450 },
    ];
    const answer = page([word("CAT", stored)], { width: 1000, height: 500 });
    expect(readingOf(answer, lying).texts[0]?.box).toEqual(topLeft);
    // Without a page, the direction of the words decides.
    expect(readingOf(page([word("CAT", stored)]), lying).texts[0]?.box).toEqual(topLeft);
  });

  test("upside down (orientation 3), by the direction of the words", () => {
    const upsideDown = header({ width: 1000, height: 500, orientation: 3 });
    const [a, b, c, d] = corners(500, 375, 400, 25);
    const stored = page([
      word(
        "CAT",
        [c, d, a, b].map((corner) => corner ?? {}),
      ),
    ]);
    const box = { x: expect.closeTo(0.1), y: expect.closeTo(0.2), width: 0.4, height: 0.05 };
    expect(readingOf(stored, upsideDown).texts[0]?.box).toMatchObject({ x: box.x, y: box.y });
    const turned = page([word("CAT", corners(100, 100, 400, 25))]);
    expect(readingOf(turned, upsideDown).texts[0]?.box).toMatchObject({ x: box.x, y: box.y });
  });
});

describe("hints", () => {
  test("are logos, the best guess, entities, labels and objects, each with what is said of it", () => {
    const answer = {
      logoAnnotations: [
        {
          description: "Caterpillar",
          score: 0.9,
          boundingPoly: { vertices: corners(0, 0, 100, 50) },
        },
      ],
      webDetection: {
        bestGuessLabels: [{ label: "cat 320d" }],
        webEntities: [{ entityId: "/m/1", score: 1.1, description: "Excavator" }, { score: 0.4 }],
        pagesWithMatchingImages: [{ url: "https://example.com/" }],
      },
      labelAnnotations: [{ description: "Vehicle", score: 0.8 }],
      localizedObjectAnnotations: [
        {
          name: "Truck",
          score: 0.7,
          boundingPoly: { normalizedVertices: [{ x: 0.25 }, { x: 0.75, y: 1 }] },
        },
      ],
    };
    expect(readingOf(answer, level).hints).toEqual([
      {
        source: "logo",
        text: "Caterpillar",
        score: 0.9,
        box: { x: 0, y: 0, width: 0.1, height: 0.1 },
      },
      { source: "web_best_guess", text: "cat 320d", score: null, box: null },
      { source: "web_entity", text: "Excavator", score: 1.1, box: null },
      { source: "label", text: "Vehicle", score: 0.8, box: null },
      {
        source: "object",
        text: "Truck",
        score: 0.7,
        box: { x: 0.25, y: 0, width: 0.5, height: 1 },
      },
    ]);
  });

  test.each([
    ["nothing", {}],
    ["nulls", { textAnnotations: null, fullTextAnnotation: null, webDetection: null }],
    ["other shapes", { textAnnotations: "CAT", fullTextAnnotation: [], logoAnnotations: [7] }],
    ["no object", "CAT"],
  ])("an answer of %s reads as nothing", (_, answer) => {
    expect(readingOf(answer, level)).toMatchObject({ texts: [], hints: [] });
  });
});

test("a reading says who gave it, as the deployed service says it", async () => {
  const vision = createGoogleVision({
    annotator: { features: [], annotate: async () => ({}), close: async () => undefined },
    identify: async () => level,
  });
  const { provider } = await vision.read(new Uint8Array(), { isEnough: () => false });
  expect(provider).toMatchObject({ name: "vision", apiVersion: "v1", maxResults: 5 });
  expect(provider.featureset).toContain("LogoDetection");
});
