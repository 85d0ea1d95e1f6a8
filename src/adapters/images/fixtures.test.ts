import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createImages } from "./images.ts";

const folder = new URL("../../../fixtures/images/", import.meta.url);
const expectations: Readonly<Record<string, { readonly error?: string }>> = JSON.parse(
  await readFile(new URL("expected.json", folder), "utf8"),
);
const images = createImages();
const cases = Object.entries(expectations).map(([file, { error }]) => ({ file, error }));

/** The calls made for every upload. */
async function accept(file: string): Promise<void> {
  const bytes = await readFile(new URL(file, folder));
  await images.identify(bytes);
  await images.verify(bytes);
}

test.each(cases.filter(({ error }) => error === undefined))(
  "$file is accepted",
  async ({ file }) => {
    await accept(file);
  },
);

test.each(cases.filter(({ error }) => error !== undefined))(
  "$file is refused with $error",
  async ({ file, error }) => {
    await expect(accept(file)).rejects.toMatchObject({ name: "TuError", code: error });
  },
);

test("two photographs of one machine differ in their hash", async () => {
  const [one, other] = await Promise.all(
    ["cat-930g.jpg", "cat-930g-again.jpg"].map(async (file) =>
      images.perceptualHash(await readFile(new URL(file, folder))),
    ),
  );
  expect(one).not.toBe(other);
});

test("time, place and camera are read from a photograph", async () => {
  expect(await images.exif(await readFile(new URL("cat-930g.jpg", folder)))).toMatchObject({
    capturedAt: "2024-05-17T14:03:22+02:00",
    location: { lat: 59.914, lon: 10.7366667, altitude: 23.5 },
    camera: "Sitecam 4",
    problems: [],
  });
});

test("damaged EXIF yields what is readable, and names the rest", async () => {
  const exif = await images.exif(await readFile(new URL("damaged-exif.jpg", folder)));
  expect(exif).toMatchObject({ capturedAt: "2024-05-17T14:03:22+02:00", camera: "Sitecam 4" });
  expect(exif.problems).toEqual(["image 0x010f: points outside the block"]);
});

test("the orientation is reported as stored", async () => {
  const bytes = await readFile(new URL("rotated-exif.jpg", folder));
  expect(await images.identify(bytes)).toMatchObject({ width: 900, height: 1_200, orientation: 6 });
});
