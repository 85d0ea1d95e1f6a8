import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { makeDirectories } from "../../src/adapters/filesystem/directories.ts";
import { features } from "../../src/adapters/google-vision/features.ts";
import { createCassetteStore } from "../../src/adapters/vision-cassettes/store.ts";
import { createRandom } from "../../src/simulation/scheduler.ts";

const side = 64;
/** Every tenth picture has no recorded answer: its analysis fails, which is a valid end. */
const unansweredEvery = 10;

/** Small pictures, all different, and recorded answers for most of them. Returns the pictures' paths. */
export async function makePictures(
  directory: string,
  answers: string,
  count: number,
): Promise<readonly string[]> {
  const fixture = join(import.meta.dirname, "../../fixtures/vision/komatsu-pc200.json");
  const { responses } = JSON.parse(await readFile(fixture, "utf8")) as { responses: [object] }; // of one picture
  const store = createCassetteStore(answers, features);
  await makeDirectories(directory);
  await store.prepare(makeDirectories);
  const paths: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const picture = await noise(index);
    const path = join(directory, `${index}.jpg`);
    await writeFile(path, picture);
    if (index % unansweredEvery !== 0) await store.save(picture, responses[0]);
    paths.push(path);
  }
  return paths;
}

function noise(seed: number): Promise<Uint8Array> {
  const random = createRandom(seed);
  const pixels = Uint8Array.from({ length: side * side * 3 }, () => Math.floor(random() * 256));
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .jpeg()
    .toBuffer();
}
