import { mkdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp, { type Sharp } from "sharp";
import { broken, writeBroken } from "./make-images/broken.ts";
import { canvas } from "./make-images/drawing.ts";
import { between, createRandom } from "./make-images/random.ts";
import { type Scene, scenes, svgOf } from "./make-images/scenes.ts";

// Draws every picture in fixtures/images: npx tsx scripts/make-images.ts
//
// The output is the same on the same machine. Text is set in DejaVu Sans Bold; where that font is missing, another
// one replaces it and the pictures differ, which is why they are committed.

const folder = fileURLToPath(new URL("../fixtures/images/", import.meta.url));

const exif = {
  IFD0: { Make: "Sitecam", Model: "Sitecam 4", Software: "drawn by a script" },
  IFD2: { DateTimeOriginal: "2024:05:17 14:03:22", OffsetTimeOriginal: "+02:00" },
  IFD3: {
    GPSLatitudeRef: "N",
    GPSLatitude: "59/1 54/1 5040/100",
    GPSLongitudeRef: "E",
    GPSLongitude: "10/1 44/1 1200/100",
    GPSAltitude: "235/10",
  },
};

await mkdir(join(folder, "broken"), { recursive: true });
for (const [index, scene] of scenes.entries()) {
  await writeFile(join(folder, scene.file), await render(scene, index + 1));
}
await writeBroken(join(folder, "broken"), await readFile(join(folder, "cat-930g.jpg")));
await writeFile(join(folder, "expected.json"), `${JSON.stringify(expectations(), null, 2)}\n`);

async function render(scene: Scene, seed: number): Promise<Buffer> {
  const drawn = sharp(Buffer.from(svgOf(scene, seed)))
    .flatten()
    .removeAlpha();
  const blurred = scene.blur === undefined ? drawn : drawn.blur(scene.blur);
  const pixels = withNoise(await blurred.raw().toBuffer(), seed);
  const photo = sharp(pixels, { raw: { ...canvas, channels: 3 } });
  switch (scene.file) {
    case "cat-930g.jpg":
      return photo.jpeg({ quality: 80 }).withExif(exif).toBuffer();
    case "damaged-exif.jpg":
      return damageExif(await photo.jpeg({ quality: 70 }).withExif(exif).toBuffer());
    case "rotated-exif.jpg":
      return rotated(await photo.png().toBuffer());
    default:
      return stored(photo, extname(scene.file));
  }
}

function stored(photo: Sharp, extension: string): Promise<Buffer> {
  // With few colours the PNG is as small as it can be at this size.
  if (extension === ".png")
    return photo.resize(800).median(5).png({ palette: true, colours: 32, dither: 0 }).toBuffer();
  if (extension === ".webp") return photo.webp({ quality: 75 }).toBuffer();
  return photo.jpeg({ quality: 68 }).toBuffer();
}

/** Stored on its side; the orientation says how to turn it. */
async function rotated(photo: Buffer): Promise<Buffer> {
  return sharp(await sharp(photo).rotate(-90).toBuffer())
    .jpeg({ quality: 70 })
    .withExif(exif)
    .withMetadata({ orientation: 6 })
    .toBuffer();
}

/** The camera's name keeps its position, but its entry points far outside. */
function damageExif(jpeg: Buffer): Buffer {
  const entry = jpeg.indexOf(Buffer.from([0x0f, 0x01, 0x02, 0x00]));
  if (entry === -1) throw new Error("The EXIF block has no camera to damage.");
  jpeg.writeUInt32LE(0x7fffffff, entry + 8);
  return jpeg;
}

function withNoise(pixels: Buffer, seed: number): Buffer {
  const random = createRandom(seed * 7_919);
  return Buffer.from(
    pixels.map((value) => Math.min(255, Math.max(0, Math.round(value + between(random, -6, 6))))),
  );
}

function expectations() {
  const good = scenes.map(({ file, expected }) => [file, expected] as const);
  const bad = broken.map(({ file, error }) => [`broken/${file}`, { error }] as const);
  return Object.fromEntries([...good, ...bad]);
}
