import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Annotator } from "../../pipeline/ports/annotator.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createRecordingAnnotator, createReplayAnnotator } from "./annotators.ts";
import { createCassetteStore } from "./store.ts";

const features = ["TEXT_DETECTION", "LOGO_DETECTION"];
const picture = new TextEncoder().encode("a picture");
const answer = {
  logoAnnotations: [{ mid: "/m/0", description: "Caterpillar", score: 0.9 }],
  webDetection: {
    webEntities: [{ description: "Excavator", score: 1.1 }],
    pagesWithMatchingImages: [{ url: "https://shop.example/?token=hunter2" }],
    fullMatchingImages: [{ url: "https://user:hunter2@example.com/a.jpg" }],
  },
  productSearchResults: { results: [{ image: "projects/hunter2-project/locations/x" }] },
  context: { uri: "gs://hunter2-bucket/picture.jpg" },
};

async function temporary(): Promise<string> {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  return directory;
}

/** Always gives the same answer; counts calls. */
function counting(): Annotator & { readonly calls: () => number } {
  let calls = 0;
  return {
    features,
    async annotate() {
      calls += 1;
      return answer;
    },
    close: async () => undefined,
    calls: () => calls,
  };
}

async function recorded(directory: string): Promise<string> {
  const store = createCassetteStore(directory, features);
  await createRecordingAnnotator(counting(), store, () => undefined).annotate(picture);
  const [name = ""] = await readdir(directory);
  return join(directory, name);
}

const replaying = (directory: string, asked = features) =>
  createReplayAnnotator(createCassetteStore(directory, asked), { directory, features: asked });

describe("recording and replaying", () => {
  test("give the same answer, less what names others", async () => {
    const directory = await temporary();
    const store = createCassetteStore(directory, features);
    const recording = createRecordingAnnotator(counting(), store, () => undefined);
    const first = await recording.annotate(picture);
    expect(first).toEqual({
      logoAnnotations: answer.logoAnnotations,
      webDetection: { webEntities: answer.webDetection.webEntities },
    });
    expect(await replaying(directory).annotate(picture)).toEqual(first);
  });

  test("nothing of a project, a token, a client or a path is in the file", async () => {
    const text = await readFile(await recorded(await temporary()), "utf8");
    expect(text).not.toContain("hunter2");
    expect(JSON.parse(text)).toMatchObject({
      schema: "tu-analyze/vision-cassette@1",
      picture: { bytes: picture.length },
      features: ["LOGO_DETECTION", "TEXT_DETECTION"],
    });
  });

  test("a picture that is held is not asked for again, and says where it is held", async () => {
    const directory = await temporary();
    const google = counting();
    const held: string[] = [];
    const store = createCassetteStore(directory, features);
    const recording = createRecordingAnnotator(google, store, (file) => held.push(file));
    const first = await recording.annotate(picture);
    expect(await recording.annotate(picture)).toEqual(first);
    expect(google.calls()).toBe(1);
    expect(held).toEqual([join(directory, (await readdir(directory))[0] ?? "")]);
  });

  test("a failure is not recorded", async () => {
    const directory = await temporary();
    const store = createCassetteStore(directory, features);
    const failing = { ...counting(), annotate: () => Promise.reject(new Error("no answer")) };
    const recording = createRecordingAnnotator(failing, store, () => undefined);
    await expect(recording.annotate(picture)).rejects.toThrow("no answer");
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("a picture that is not held", () => {
  test.each([
    ["another picture", new TextEncoder().encode("another picture"), features],
    ["other features", picture, ["TEXT_DETECTION"]],
  ])("%s: is missing, with what to do", async (_, image, asked) => {
    const directory = await temporary();
    await recorded(directory);
    await expect(replaying(directory, asked).annotate(image)).rejects.toMatchObject({
      code: "E_CASSETTE_MISSING",
      exitCode: 4,
      retryable: false,
      message: expect.stringContaining(directory),
      hint: expect.stringContaining("vision import"),
    });
  });

  test("in a directory that does not exist", async () => {
    const directory = join(await temporary(), "none");
    await expect(replaying(directory).annotate(picture)).rejects.toMatchObject({
      code: "E_CASSETTE_MISSING",
    });
  });

  test("the order of the features does not matter", async () => {
    const directory = await temporary();
    await recorded(directory);
    const other = features.toReversed();
    expect(await replaying(directory, other).annotate(picture)).toHaveProperty("logoAnnotations");
  });
});

describe("a cassette that cannot be used", () => {
  test.each([
    ["cut off", (text: string) => text.slice(0, -20), "truncated"],
    ["empty", () => "", "not JSON"],
    ["something else", () => '{"name":"tu-analyze"}', "is not a vision cassette"],
    ["no object", () => "[1]", "is not a vision cassette"],
    ["newer", (text: string) => text.replace("cassette@1", "cassette@2"), "of version 2"],
    ["without its answer", (text: string) => text.replace('"answer"', '"other"'), "incomplete"],
    [
      "of another picture",
      (text: string) => text.replace(/"sha256": "../, '"sha256": "zz'),
      "another picture",
    ],
    [
      "of another question",
      (text: string) => text.replace("LOGO_DETECTION", "FACE_DETECTION"),
      "other features",
    ],
  ])("%s: says what is wrong, and names the file", async (_, spoil, what) => {
    const directory = await temporary();
    const file = await recorded(directory);
    await writeFile(file, spoil(await readFile(file, "utf8")));
    const error = { code: "E_CASSETTE_INVALID", message: expect.stringContaining(what) };
    await expect(replaying(directory).annotate(picture)).rejects.toMatchObject(error);
    await expect(replaying(directory).annotate(picture)).rejects.toThrow(file);
    const store = createCassetteStore(directory, features);
    const recording = createRecordingAnnotator(counting(), store, () => undefined);
    await expect(recording.annotate(picture)).rejects.toMatchObject(error);
  });
});

describe("writing", () => {
  test("many at once leave one whole file and nothing beside it", async () => {
    const directory = await temporary();
    const stores = Array.from({ length: 20 }, () => createCassetteStore(directory, features));
    await Promise.all(stores.map((store) => store.save(picture, answer)));
    expect(await readdir(directory)).toHaveLength(1);
    expect(await replaying(directory).annotate(picture)).toHaveProperty("logoAnnotations");
  });

  test("a full disk gets its own hint", async () => {
    const store = createCassetteStore("/nowhere", features);
    const full = Object.assign(new Error("no"), { code: "ENOSPC" });
    await expect(store.prepare(() => Promise.reject(full))).rejects.toMatchObject({
      hint: "free some disk space, or choose another directory with --vision-dir",
    });
  });

  test("a directory that cannot be made is said before anything is asked", async () => {
    const store = createCassetteStore("/nowhere", features);
    const refused = Object.assign(new Error("no"), { code: "EROFS" });
    await expect(store.prepare(() => Promise.reject(refused))).rejects.toMatchObject({
      code: "E_CASSETTE_UNWRITABLE",
      message: expect.stringContaining("EROFS"),
      hint: expect.stringContaining("--vision-dir"),
    });
  });
});
