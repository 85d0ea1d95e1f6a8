import {
  canvas,
  dirt,
  excavator,
  fence,
  glare,
  landscape,
  loader,
  sticker,
  text,
} from "./drawing.ts";
import { createRandom, type Random } from "./random.ts";

/** The expected result for a file. Null where the honest answer is that nothing was recognised. */
export type Expected = {
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly minConfidence: number;
};
export type Scene = {
  readonly file: string;
  readonly expected: Expected;
  /** The objects between the machine and the landscape. */
  readonly behind?: (random: Random) => string;
  readonly draw: (random: Random) => string;
  /** Rotates and skews the machine, as if seen at an angle. */
  readonly transform?: string;
  readonly blur?: number;
};

const yellow = "#e3ae1b";
const black = "#1b1b1b";
const machine = (brand: string, type: string, model: string, minConfidence = 0.7): Expected => ({
  brand,
  type,
  model,
  minConfidence,
});
const nothing: Expected = { brand: null, type: null, model: null, minConfidence: 0 };

export const scenes: readonly Scene[] = [
  {
    file: "cat-930g.jpg",
    expected: machine("Caterpillar", "Wheel Loader", "930G"),
    draw: (random) =>
      loader(
        yellow,
        text("CAT", { x: 560, y: 500, size: 84, fill: black }) +
          text("930G", { x: 770, y: 560, size: 50, fill: black }),
      ) + dirt(random, 40),
  },
  {
    file: "cat-930g-again.jpg",
    expected: machine("Caterpillar", "Wheel Loader", "930G"),
    transform: "translate(1180 30) scale(-0.94 0.94)",
    behind: fence,
    draw: (random) =>
      loader("#d9a520", "") +
      `<g transform="translate(1200 0) scale(-1 1)">${
        text("CAT", { x: 290, y: 470, size: 74, fill: black }) +
        text("930G", { x: 310, y: 560, size: 58, fill: black })
      }</g>` +
      dirt(random, 90),
  },
  {
    file: "komatsu-pc200.jpg",
    expected: machine("Komatsu", "Excavator", "PC200-8"),
    draw: (random) =>
      excavator(
        "#e8b422",
        text("KOMATSU", { x: 720, y: 510, size: 62, fill: "#14224e" }) +
          text("PC200-8", { x: 730, y: 580, size: 46, fill: "#14224e" }),
      ) + dirt(random, 30),
  },
  {
    file: "volvo-l120h.png",
    expected: machine("Volvo", "Wheel Loader", "L120H"),
    draw: (_random) =>
      loader(
        "#dcb13a",
        text("VOLVO", { x: 600, y: 470, size: 66, fill: "#23292f" }) +
          text("L120H", { x: 690, y: 560, size: 60, fill: "#23292f" }),
      ),
  },
  {
    file: "hitachi-zx210.webp",
    expected: machine("Hitachi", "Excavator", "ZX210LC"),
    draw: (random) =>
      excavator(
        "#dd5f1c",
        text("HITACHI", { x: 720, y: 510, size: 64, fill: "#f6f4ee" }) +
          text("ZX210LC", { x: 740, y: 580, size: 44, fill: "#f6f4ee" }),
      ) + dirt(random, 60),
  },
  {
    file: "jcb-3cx-angled.jpg",
    expected: machine("JCB", "Backhoe Loader", "3CX"),
    transform: "matrix(0.93 0.2 -0.02 0.94 30 -60)",
    draw: (random) =>
      loader(
        "#eab31d",
        text("JCB", { x: 540, y: 500, size: 88, fill: black }) +
          text("3CX", { x: 790, y: 560, size: 64, fill: black }),
      ) + dirt(random, 50),
  },
  {
    file: "deere-644k-glare.jpg",
    expected: machine("John Deere", "Wheel Loader", "644K"),
    transform: "matrix(0.96 -0.12 0 0.95 10 80)",
    draw: (_random) =>
      loader(
        "#dfb224",
        text("JOHN DEERE", { x: 540, y: 470, size: 50, fill: black }) +
          text("644K", { x: 600, y: 570, size: 66, fill: black }),
      ) + glare(720, 440, 210),
  },
  {
    file: "liebherr-r920-dirty.jpg",
    expected: machine("Liebherr", "Excavator", "R 920"),
    blur: 1,
    draw: (random) =>
      excavator(
        "#e7e2d4",
        text("LIEBHERR", { x: 715, y: 510, size: 58, fill: "#26282b" }) +
          text("R 920", { x: 850, y: 585, size: 50, fill: "#26282b" }),
      ) + dirt(random, 260),
  },
  {
    file: "fleet-number.jpg",
    expected: machine("Caterpillar", "Excavator", "320D"),
    behind: fence,
    draw: (_random) =>
      excavator(
        yellow,
        text("CAT", { x: 720, y: 510, size: 72, fill: black }) +
          text("320D", { x: 900, y: 560, size: 44, fill: black }) +
          sticker("FLEET 950", 730, 585, 26) +
          sticker("HESSELBERG", 380, 250, 22) +
          sticker("24V", 1_020, 590, 18),
      ) + sticker("LD 29 XYZ", 700, 670, 24),
  },
  {
    file: "dealer-of-another-brand.jpg",
    expected: machine("Komatsu", "Wheel Loader", "WA380-6", 0.5),
    draw: (_random) =>
      `<rect x="760" y="190" width="240" height="90" fill="#f2f2ee"/>${text("VOLVO", { x: 800, y: 250, size: 44, fill: "#1c2a5c" })}` +
      loader(
        "#e8b422",
        text("KOMATSU", { x: 560, y: 480, size: 68, fill: "#14224e" }) +
          text("WA380-6", { x: 640, y: 570, size: 60, fill: "#14224e" }),
      ),
  },
  {
    file: "brand-only.jpg",
    expected: { brand: "Komatsu", type: null, model: null, minConfidence: 0.4 },
    draw: (_random) =>
      excavator("#e8b422", text("KOMATSU", { x: 720, y: 530, size: 66, fill: "#14224e" })),
  },
  {
    file: "rotated-exif.jpg",
    expected: machine("Volvo", "Excavator", "EC220E"),
    draw: (_random) =>
      excavator(
        "#dcb13a",
        text("VOLVO", { x: 760, y: 505, size: 60, fill: "#23292f" }) +
          text("EC220E", { x: 760, y: 580, size: 56, fill: "#23292f" }),
      ),
  },
  {
    file: "damaged-exif.jpg",
    expected: machine("CASE", "Backhoe Loader", "580ST"),
    draw: (_random) =>
      loader(
        "#d8661f",
        text("CASE", { x: 560, y: 490, size: 80, fill: black }) +
          text("580ST", { x: 700, y: 570, size: 58, fill: black }),
      ),
  },
  {
    file: "stickers-only.jpg",
    expected: nothing,
    draw: (_random) =>
      loader(
        yellow,
        sticker("24V", 560, 440, 30) +
          sticker("MAX 40T", 700, 480, 34) +
          sticker("CE", 600, 520, 26) +
          sticker("2.5 t", 840, 560, 30) +
          sticker("LD 29 XYZ", 640, 595, 32),
      ),
  },
  { file: "nothing.jpg", expected: nothing, behind: fence, draw: () => "" },
  {
    file: "not-a-machine.jpg",
    expected: nothing,
    draw: (_random) =>
      `<rect x="220" y="180" width="760" height="420" fill="#5b2e2a"/>${text("FRESH COFFEE", { x: 290, y: 330, size: 76, fill: "#f3e9d2" })}` +
      text("OPEN 320 DAYS", { x: 360, y: 450, size: 54, fill: "#f3e9d2" }) +
      text("IN CASE OF RAIN: CATS WELCOME", { x: 300, y: 540, size: 30, fill: "#f3e9d2" }),
  },
];

export function svgOf(scene: Scene, seed: number): string {
  const random = createRandom(seed);
  const transform = scene.transform === undefined ? "" : ` transform="${scene.transform}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${canvas.width}" height="${canvas.height}">${landscape(random)}${scene.behind?.(random) ?? ""}<g${transform}>${scene.draw(random)}</g></svg>`;
}
