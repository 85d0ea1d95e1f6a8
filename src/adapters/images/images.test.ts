import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { createImages } from "./images.ts";

const images = createImages();
const text = (content: string) => new TextEncoder().encode(content);

/** A scene of a few shapes; a different `seed` gives a different scene. */
function scene(seed: number, width = 640, height = 480) {
  const shapes = Array.from({ length: 7 }, (_, index) => {
    const [x, y, hue] = [31, 57, 83].map((factor) => (seed * 131 + (index + 1) * factor * 7) % 100);
    return `<ellipse cx="${x}%" cy="${y}%" rx="${8 + index * 3}%" ry="${6 + index * 2}%" fill="hsl(${(hue ?? 0) * 3.6},70%,50%)"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#8899aa"/>${shapes.join("")}</svg>`;
  return sharp(Buffer.from(svg));
}

describe("identify", () => {
  test.each(["jpeg", "png", "webp"] as const)("knows %s by its header", async (format) => {
    const bytes = await scene(1, 320, 200).toFormat(format).toBuffer();
    expect(await images.identify(bytes)).toEqual({
      format,
      contentType: `image/${format}`,
      width: 320,
      height: 200,
      orientation: 1,
    });
  });

  test("knows lossless and transparent WebP", async () => {
    const lossless = await scene(1, 321, 203).webp({ lossless: true }).toBuffer();
    const transparent = await scene(1, 99, 77).ensureAlpha(0.5).webp().toBuffer();
    expect(await images.identify(lossless)).toMatchObject({ width: 321, height: 203 });
    expect(await images.identify(transparent)).toMatchObject({ width: 99, height: 77 });
  });

  test.each([
    ["nothing", "", "E_IMAGE_EMPTY"],
    ["text", "this is no image", "E_IMAGE_NOT_AN_IMAGE"],
    ["one byte", "\u0001", "E_IMAGE_NOT_AN_IMAGE"],
    ["an SVG", '<?xml version="1.0"?><svg width="1"/>', "E_IMAGE_TYPE_REFUSED"],
    ["a PDF", "%PDF-1.7", "E_IMAGE_TYPE_REFUSED"],
    ["a HEIC", "\0\0\0\u0018ftypheic", "E_IMAGE_TYPE_REFUSED"],
    ["an HTML page", "<!doctype html><title>x</title>", "E_IMAGE_NOT_AN_IMAGE"],
  ])("refuses %s", async (_, content, code) => {
    await expect(images.identify(text(content))).rejects.toMatchObject({ code });
  });

  test.each(["gif", "tiff", "avif"] as const)("names the type of a %s", async (format) => {
    const bytes = await scene(1, 64, 64).toFormat(format).toBuffer();
    await expect(images.identify(bytes)).rejects.toMatchObject({
      code: "E_IMAGE_TYPE_REFUSED",
      message: expect.stringContaining(format.toUpperCase()),
      hint: expect.stringContaining("JPEG"),
    });
  });

  test("refuses more than 50 megapixels without decoding them", async () => {
    const png = await scene(1, 64, 64).png().toBuffer();
    png.writeUInt32BE(4_000_000_000, 16);
    png.writeUInt32BE(4_000_000_000, 20);
    await expect(images.identify(png)).rejects.toMatchObject({ code: "E_IMAGE_TOO_MANY_PIXELS" });
  });

  test("calls a file that ends before its size truncated", async () => {
    for (const format of ["jpeg", "png", "webp"] as const) {
      const bytes = await scene(1).toFormat(format).toBuffer();
      await expect(images.identify(bytes.subarray(0, 20))).rejects.toMatchObject({
        code: "E_IMAGE_TRUNCATED",
      });
    }
  });

  test("is not disturbed by what follows the image", async () => {
    const jpeg = await scene(1, 64, 64).jpeg().toBuffer();
    const polyglot = Buffer.concat([jpeg, Buffer.from("PK\u0003\u0004 and more")]);
    await images.verify(polyglot);
    expect(await images.identify(polyglot)).toMatchObject({ format: "jpeg", width: 64 });
  });
});

describe("verify", () => {
  test.each(["jpeg", "png", "webp"] as const)("accepts a whole %s only", async (format) => {
    const bytes = await scene(2).toFormat(format).toBuffer();
    await images.verify(bytes);
    for (const part of [0.5, 0.9]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      await expect(images.verify(cut)).rejects.toMatchObject({ code: "E_IMAGE_TRUNCATED" });
    }
  });

  test("calls damage in the middle not an image", async () => {
    const png = await scene(2).png().toBuffer();
    png.fill(0x55, 200, 400);
    await expect(images.verify(png)).rejects.toMatchObject({ code: "E_IMAGE_NOT_AN_IMAGE" });
  });
});

describe("perceptualHash", () => {
  const distance = (a: string, b: string) =>
    [...a].reduce((sum, digit, at) => {
      const bits = Number.parseInt(digit, 16) ^ Number.parseInt(b[at] ?? "0", 16);
      return sum + bits.toString(2).replaceAll("0", "").length;
    }, 0);

  test("stays near when the picture is stored again, scaled or brightened", async () => {
    const original = await images.perceptualHash(await scene(3, 1200, 900).png().toBuffer());
    expect(original).toMatch(/^[0-9a-f]{64}$/);
    const copies = [
      scene(3, 1200, 900).jpeg({ quality: 40 }),
      scene(3, 1200, 900).resize(400).webp(),
      scene(3, 1200, 900).modulate({ brightness: 1.15 }).jpeg(),
    ];
    for (const copy of copies) {
      const hash = await images.perceptualHash(await copy.toBuffer());
      expect(distance(original, hash)).toBeLessThanOrEqual(20);
    }
  });

  test("is far away for another picture", async () => {
    const hashes = await Promise.all(
      [1, 2, 3, 4, 5].map(async (seed) =>
        images.perceptualHash(await scene(seed).png().toBuffer()),
      ),
    );
    for (const [at, hash] of hashes.entries()) {
      for (const other of hashes.slice(at + 1)) expect(distance(hash, other)).toBeGreaterThan(60);
    }
  });

  test("is taken of the upright picture", async () => {
    const upright = await scene(3).png().toBuffer();
    const stored = await sharp(upright)
      .rotate(-90)
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const hashes = [await images.perceptualHash(upright), await images.perceptualHash(stored)];
    expect(distance(hashes[0] ?? "", hashes[1] ?? "")).toBeLessThanOrEqual(20);
  });
});

describe("colours", () => {
  test("are named and ordered by their share", async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><rect width="100" height="100" fill="#f2b800"/><rect width="30" height="100" fill="#111"/><rect x="90" width="10" height="100" fill="#c81e1e"/></svg>`;
    const colours = await images.colours(await sharp(Buffer.from(svg)).png().toBuffer());
    expect(colours.map(({ name }) => name)).toEqual(["yellow", "black", "red"]);
    expect(colours[0]?.share).toBeCloseTo(0.6, 1);
    expect(colours[0]?.hex).toMatch(/^#[0-9a-f]{6}$/);
  });

  test("of a grey picture are grey", async () => {
    const grey = sharp({ create: { width: 50, height: 50, channels: 3, background: "#808080" } });
    const bytes = await grey.grayscale().jpeg().toBuffer();
    expect(await images.colours(bytes)).toEqual([{ hex: "#808080", name: "grey", share: 1 }]);
  });
});

const camera = {
  IFD0: { Make: "NIKON CORPORATION", Model: "NIKON D90", Software: "x".repeat(900) },
  IFD2: { DateTimeOriginal: "2024:05:17 14:03:22", OffsetTimeOriginal: "+02:00" },
  IFD3: {
    GPSLatitudeRef: "S",
    GPSLatitude: "33/1 51/1 2160/100",
    GPSLongitudeRef: "W",
    GPSLongitude: "70/1 30/1 0/1",
    GPSAltitudeRef: "1",
    GPSAltitude: "250/10",
  },
};

describe("exif", () => {
  test.each(["jpeg", "png", "webp"] as const)("is read from %s", async (format) => {
    const bytes = await scene(1, 64, 64).toFormat(format).withExif(camera).toBuffer();
    const exif = await images.exif(bytes);
    expect(exif).toMatchObject({
      capturedAt: "2024-05-17T14:03:22+02:00",
      location: { lat: -33.856, lon: -70.5, altitude: 25 },
      camera: "NIKON D90",
      problems: [],
    });
    const software = exif.entries.find(({ key }) => key === "Software");
    expect(software?.value.length).toBeLessThanOrEqual(200);
  });

  test("keeps the wall time without an offset where the camera gave none", async () => {
    const bytes = await scene(1, 64, 64)
      .jpeg()
      .withExif({
        IFD0: { Make: "Canon", Model: "Canon EOS R5" },
        IFD2: { DateTimeOriginal: "2023:01:02 03:04:05" },
      })
      .toBuffer();
    expect(await images.exif(bytes)).toMatchObject({
      capturedAt: "2023-01-02T03:04:05",
      camera: "Canon EOS R5",
      location: null,
    });
  });

  test("knows heights below the sea", async () => {
    const bytes = await scene(1, 64, 64).jpeg().withExif(camera).toBuffer();
    // The library writes no bytes into this entry: tag 5, type 1, one value, 0.
    const at = bytes.indexOf(Buffer.from([5, 0, 1, 0, 1, 0, 0, 0, 0]));
    expect(at).toBeGreaterThan(0);
    bytes[at + 8] = 1;
    expect((await images.exif(bytes)).location?.altitude).toBe(-25);
  });

  test("names a time that is none", async () => {
    const bytes = await scene(1, 64, 64)
      .jpeg()
      .withExif({ IFD2: { DateTimeOriginal: "2023:02:30 03:04:05" } })
      .toBuffer();
    const { capturedAt, problems } = await images.exif(bytes);
    expect(capturedAt).toBeNull();
    expect(problems).toEqual(['The time "2023:02:30 03:04:05" is invalid.']);
  });

  test("of an image without any is empty, and of no image says so", async () => {
    expect(await images.exif(await scene(1, 64, 64).jpeg().toBuffer())).toMatchObject({
      entries: [],
      problems: [],
    });
    expect((await images.exif(text("nothing"))).problems).toHaveLength(1);
  });

  test("any damage leaves what is readable and never throws", async () => {
    const whole = await scene(1, 64, 64).jpeg().withExif(camera).toBuffer();
    const damage = fc.array(fc.tuple(fc.nat(1_400), fc.nat(255)), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(whole.length), async (bytes, length) => {
        const damaged = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of bytes) if (at < length) damaged[at] = value;
        const { entries } = await images.exif(damaged);
        for (const { value } of entries) expect(value.length).toBeLessThanOrEqual(200);
        await images.identify(damaged).catch((error: unknown) => {
          expect(error).toMatchObject({ name: "TuError" });
        });
      }),
      { numRuns: 500 },
    );
  });
});
