import { describe, expect, test } from "vitest";
import { look, plan, type Scene, sceneOf } from "./looks.ts";
import type { Picture } from "./picture.ts";
import type { Strip } from "./strip.ts";
import type { PixelPart, Rendering, TextNetworks } from "./text-networks.ts";

const picture = { width: 800, height: 600, data: new Uint8Array(3 * 800 * 600) };
type Line = { readonly x: number; readonly y: number; readonly ink: number };
const word = "777777777";

/** TextNetworks that see these lines, each 0.1 × 0.02 of the picture, wherever they fall within the view. */
function networksFor(lines: readonly Line[], probability = 0.99) {
  const shown: Rendering[] = [];
  const parts = new Map<Picture, PixelPart>();
  const networks: TextNetworks = {
    async render(_, of, as) {
      shown.push(as);
      const pixels = { width: as.width, height: as.height, data: new Uint8Array(0) };
      parts.set(pixels, of);
      return pixels;
    },
    async detect(pixels) {
      const { width, height } = pixels;
      const part = parts.get(pixels) ?? { left: 0, top: 0, ...picture };
      const data = new Float32Array(width * height);
      for (const line of lines) {
        const toX = (x: number) =>
          Math.round(((x * picture.width - part.left) * width) / part.width);
        const toY = (y: number) =>
          Math.round(((y * picture.height - part.top) * height) / part.height);
        for (let y = Math.max(0, toY(line.y)); y < Math.min(height, toY(line.y + 0.02)); y += 1)
          data.fill(
            line.ink,
            y * width + Math.max(0, toX(line.x)),
            y * width + Math.min(width, toX(line.x + 0.1)),
          );
      }
      return { width, height, data };
    },
    // Spread over the whole strip, so that the word is where the line is.
    recognise: async () =>
      Array.from(word, (text, at) => ({ text, probability, at: (at + 0.5) / 9 })),
  };
  return { networks, shown };
}

function sceneFor(networks: TextNetworks): Scene {
  return sceneOf({ picture, networks });
}

const line = { x: 0.4, y: 0.5, ink: 0.9 };

test("the first look sees the whole picture, and says where it read what", async () => {
  const { networks, shown } = networksFor([line]);
  const [text, ...others] = await look("whole", sceneFor(networks));
  expect(shown).toEqual([{ width: 960, height: 720, degrees: 0 }]);
  expect(others).toEqual([]);
  expect(text).toMatchObject({
    text: word,
    confidence: expect.closeTo(0.99),
    preparation: "whole",
  });
  expect((text?.box.x ?? 0) + (text?.box.width ?? 0) / 2).toBeCloseTo(0.45, 1);
  expect((text?.box.y ?? 0) + (text?.box.height ?? 0) / 2).toBeCloseTo(0.51, 1);
});

test("what was faint is looked at closer, and what was read is not", async () => {
  const faint = Array.from({ length: 12 }, (_, at) => ({
    ...line,
    x: 0.05 + 0.28 * (at % 4),
    y: 0.1 + 0.2 * Math.floor(at / 4),
    ink: 0.25,
  }));
  const { networks, shown } = networksFor([...faint, { ...line, y: 0.8 }]);
  const scene = sceneFor(networks);
  await look("whole", scene);
  expect(scene.texts).toHaveLength(1);
  shown.length = 0;
  await look("faint", scene);
  expect(shown).toHaveLength(8);
});

test("around what was read there is a closer look", async () => {
  const { networks, shown } = networksFor([line]);
  const scene = sceneFor(networks);
  await look("whole", scene);
  const again = await look("close", scene);
  expect(shown).toHaveLength(2);
  expect(again.map(({ preparation }) => preparation)).toEqual(["close"]);
});

test("a line that two looks were sure of is not read a third time", async () => {
  const { networks } = networksFor([line]);
  const scene = sceneFor(networks);
  await look("whole", scene);
  await look("close", scene);
  expect(await look("middle", scene)).toEqual([]);
});

test("a line that reaches the edge of a window is left to the other window", async () => {
  const { networks } = networksFor([{ ...line, x: 0.5 }]); // the left one ends at 0.52
  const texts = await look("middle", sceneFor(networks));
  expect(texts.map(({ preparation }) => preparation)).toEqual(["middle-2"]);
});

describe("further looks at a picture without text", () => {
  const shownLater = async (lines: readonly Line[], size: { width: number; height: number }) => {
    const { networks, shown } = networksFor(lines);
    const scene = sceneOf({ picture: { ...picture, ...size }, networks });
    await look("whole", scene);
    shown.length = 0;
    for (const name of ["middle", "turned"]) await look(name, scene);
    return shown.length;
  };

  test("are left out when the first saw all of it, and not a trace", async () => {
    expect(await shownLater([], { width: 800, height: 600 })).toBe(0);
  });

  test("are not, where there is a trace", async () => {
    expect(await shownLater([{ ...line, ink: 0.16 }], { width: 800, height: 600 })).toBe(4);
  });

  test("are not, where the first look was too small to tell", async () => {
    expect(await shownLater([], { width: 3000, height: 2250 })).toBe(4);
  });
});

test("the windows and lines of a look are processed concurrently, and keep their order", async () => {
  const { networks } = networksFor([line, { ...line, y: 0.6 }, { ...line, y: 0.7 }]);
  let asked = 0;
  const latestFirst = {
    ...networks,
    recognise: async (strip: Strip) => {
      asked += 1;
      const number = asked;
      while (asked < 3) await null;
      for (let turn = number; turn < 10; turn += 1) await null;
      return networks.recognise(strip);
    },
  };
  const inTurn = await look("whole", sceneFor(networks));
  expect(inTurn).toHaveLength(3);
  expect(await look("whole", sceneFor(latestFirst))).toEqual(inTurn);
});

test("every look is bounded, on any picture", async () => {
  const many = Array.from({ length: 300 }, (_, at) => ({
    ...line,
    x: 0.11 * (at % 9),
    y: 0.03 * Math.floor(at / 9),
  }));
  const { networks, shown } = networksFor(many, 0.5);
  let read = 0;
  const counting = {
    ...networks,
    recognise: async (strip: Strip) => {
      read += 1;
      return networks.recognise(strip);
    },
  };
  const scene = sceneFor(counting);
  for (const { name } of plan) await look(name, scene);
  expect(shown.length).toBeLessThanOrEqual(1 + 8 + 4 + 2 + 2);
  expect(read).toBeLessThanOrEqual(2 * 24 * shown.length);
});
