import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { RecogniseReport, UnreadReport } from "../pipeline/reports/recognise.ts";
import {
  binary,
  image,
  json,
  komatsuAnswer,
  replaying,
  root,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");
const rotated = image("rotated-exif.jpg");
/** Recorded answers, for tests of a reading's outcome: they take no time. */
const replay = async () =>
  replaying({
    "komatsu-pc200.jpg": await komatsuAnswer(),
    "nothing.jpg": {},
    "rotated-exif.jpg": {},
  });

describe("one image", () => {
  test("is read: machine, every text with its reason, times, in the published shape", async () => {
    const result = await tool(["recognise", komatsu, "-o", "json"]);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const report = RecogniseReport.parse(json(result));
    expect(report).toMatchObject({
      schema: "tu-analyze/recognise@1",
      file: komatsu,
      status: "read",
      image: { format: "jpeg", width: 1200, height: 900 },
      machine: { brand: "Komatsu", model: "PC200-8", type: "Excavator", isConfident: true },
      annotated: null,
    });
    const [model] = report.texts.filter(({ text }) => text === "PC200-8");
    expect(model).toMatchObject({
      meanings: [
        { about: "model", value: "PC200-8", isTaken: true, how: "model of the brand's series" },
        { about: "type", value: "Excavator", isTaken: true },
      ],
      why: null,
    });
    expect(report.timings.map(({ name }) => name)).toEqual(["check", "read", "rules", "explain"]);
  });

  test("as text says the same on a pipe, without colours", async () => {
    const { code, stderr, stdout } = await tool(["recognise", komatsu], { env: await replay() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^✔ Komatsu · PC200-8 · Excavator {2}confidence 0\.\d\d\n/);
    expect(stdout).toMatch(/^ {2}KOMATSU .*brand Komatsu \(/m);
    expect(stdout).not.toContain("\u001b");
  });

  test("in which nothing is recognised was read all the same", async () => {
    const result = await tool(["recognise", image("nothing.jpg"), "--json"], {
      env: await replay(),
    });
    expect(result.code).toBe(0);
    expect(RecogniseReport.parse(json(result)).machine).toMatchObject({ brand: null, model: null });
  });

  test("keeps no state, and standard input is an image too", async () => {
    const home = await temporaryDirectory();
    const stdin = await readFile(komatsu);
    const env = { ...(await replay()), HOME: home, XDG_STATE_HOME: join(home, "state") };
    const result = await tool(["recognise", "-", "-o", "jsonl"], { stdin, env });
    expect(RecogniseReport.parse(json(result))).toMatchObject({
      file: "-",
      machine: { model: "PC200-8" },
    });
    expect(result.stdout.trim().split("\n")).toHaveLength(1);
    await expect(readFile(join(home, "state"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

test("with recorded answers of Google Vision, their results besides the text are shown too", async () => {
  const directory = await temporaryDirectory();
  const kept = ["--vision-dir", directory];
  const answer = join(root, "fixtures", "vision", "komatsu-pc200.json");
  await tool(["vision", "import", answer, "--image", komatsu, ...kept]);
  const out = join(directory, "out.png");
  const args = ["recognise", komatsu, "--vision", "replay", ...kept, "--annotate", out];
  const report = RecogniseReport.parse(json(await tool([...args, "-o", "json"])));
  expect(report).toMatchObject({
    provider: { name: "vision" },
    machine: { brand: "Komatsu", model: "PC200-8" },
  });
  expect(report.hints.map(({ source }) => source)).toEqual(
    expect.arrayContaining(["logo", "web_entity", "label"]),
  );
  for (const { meanings } of report.hints) expect(meanings).not.toEqual([]);
  expect((await tool(args)).stdout).toMatch(/^ {2}Komatsu .*logo.*brand Komatsu/m);

  const missing = await tool(["recognise", image("nothing.jpg"), "--vision", "replay", ...kept]);
  expect(missing.code).toBe(4);
  expect(missing.stderr).toContain("E_CASSETTE_MISSING");
});

describe("--annotate", () => {
  test.each([
    ["out.png", "png"],
    ["out.JPG", "jpeg"],
    ["out.webp", "webp"],
  ])("draws %s in the size of the upright picture, over what was there", async (name, format) => {
    const out = join(await temporaryDirectory(), name);
    await writeFile(out, "old");
    const result = await tool(["recognise", rotated, "--annotate", out, "-o", "json"], {
      env: await replay(),
    });
    const report = RecogniseReport.parse(json(result));
    expect(report.annotated).toBe(out);
    const { height, width } = report.image;
    expect(await sharp(await readFile(out)).metadata()).toMatchObject({ format, width, height });
    expect(await sharp(rotated).metadata()).toMatchObject({ width: height, height: width });
  });

  test("several images are drawn into a directory, which is made", async () => {
    const folder = join(await temporaryDirectory(), "drawn");
    const images = [komatsu, image("nothing.jpg")];
    const result = await tool(["recognise", ...images, "--annotate", folder, "-o", "json"], {
      env: await replay(),
    });
    expect(json(result)).toMatchObject({ schema: "tu-analyze/recognitions@1", read: 2, failed: 0 });
    for (const name of ["komatsu-pc200.jpg.png", "nothing.jpg.png"])
      expect(await sharp(await readFile(join(folder, name))).metadata()).toMatchObject({
        format: "png",
        width: 1200,
      });
  });

  test.each([
    ["with --batch", ["drawn", "--batch"]],
    ["with a slash at the end", ["drawn/"]],
  ])("one image is drawn into a directory %s", async (_, [folder = "", ...more]) => {
    const cwd = await temporaryDirectory();
    const args = ["recognise", komatsu, "--annotate", folder, ...more];
    const { code, stdout } = await tool(args, { cwd, env: await replay() });
    expect(code).toBe(0);
    expect(await readdir(join(cwd, "drawn"))).toEqual(["komatsu-pc200.jpg.png"]);
    if (more.length > 0) expect(stdout).toContain("\n1 of 1 image read, 0 failed");
    expect(stdout).toMatch(/ drawn {2,}drawn\/komatsu-pc200\.jpg\.png\n/);
  });

  test("each of several images is told where it was drawn", async () => {
    const cwd = await temporaryDirectory();
    const images = [komatsu, image("nothing.jpg")];
    const env = await replay();
    const { stdout } = await tool(["recognise", ...images, "--annotate", "a"], { cwd, env });
    expect(stdout.match(/^ {4}drawn {2}a\/.+$/gm)).toEqual([
      "    drawn  a/komatsu-pc200.jpg.png",
      "    drawn  a/nothing.jpg.png",
    ]);
  });

  test.skipIf(process.getuid?.() === 0)(
    "a directory that may not be written is exit 5, before anything is read",
    async () => {
      const cwd = await temporaryDirectory();
      await mkdir(join(cwd, "closed"), { mode: 0o500 });
      const args = ["recognise", "none.jpg", "--annotate", "closed/out.png", "--json"];
      const result = await tool(args, { cwd });
      expect(json(result)).toMatchObject({ code: "E_OUTPUT_UNWRITABLE", exitCode: 5 });
    },
  );

  test.each([
    ["another kind of picture", ["out.gif"], "E_USAGE", 2],
    ["no extension", ["out"], "E_USAGE", 2],
    ["an empty name", [""], "E_USAGE", 2],
    ["an empty name for two images", ["", komatsu], "E_USAGE", 2],
    ["one file for a batch of one", ["out.png", "--batch"], "E_USAGE", 2],
    ["one file for two images", ["out.png", komatsu], "E_USAGE", 2],
    ["a directory that is not there", ["no/out.png"], "E_FILE_NOT_FOUND", 4],
  ])("%s is refused before anything is read", async (_, [target = "", ...more], code, exitCode) => {
    const cwd = await temporaryDirectory();
    const args = ["recognise", "none.jpg", ...more, "--annotate", target, "-o", "json"];
    const result = await tool(args, { cwd });
    expect(json(result)).toMatchObject({ schema: "tu-analyze/error@1", code, exitCode });
    expect(result.code).toBe(exitCode);
  });

  test("an image that is read is never overwritten, not through a link either", async () => {
    const cwd = await temporaryDirectory();
    await copyFile(komatsu, join(cwd, "in.jpg"));
    await symlink(join(cwd, "in.jpg"), join(cwd, "link.png"));
    for (const target of ["in.jpg", "./in.jpg", "link.png"]) {
      const result = await tool(["recognise", "in.jpg", "--annotate", target], { cwd });
      expect(result.code).toBe(2);
      expect(result.stderr).toContain("would overwrite the image in.jpg");
    }
    expect(await readFile(join(cwd, "in.jpg"))).toEqual(await readFile(komatsu));
  });

  test.runIf(process.platform === "linux")("where no file can be made is exit 5", async () => {
    const args = ["recognise", komatsu, "--annotate", "/proc/nope.png", "--json"];
    const result = await tool(args, { env: await replay() });
    expect(json(result)).toMatchObject({ code: "E_OUTPUT_UNWRITABLE", exitCode: 5 });
  });

  test.runIf(process.platform === "linux")("a disk that is full is said", async () => {
    const cwd = await temporaryDirectory();
    await symlink("/dev/full", join(cwd, "full.png"));
    const result = await tool(["recognise", komatsu, "--annotate", "full.png", "--json"], {
      cwd,
      env: await replay(),
    });
    expect(json(result)).toMatchObject({
      code: "E_OUTPUT",
      message: "full.png cannot be written (ENOSPC)",
      hint: "free some disk space, or name another place",
    });
    expect(result.code).toBe(1);
  });
});

test("a folder of networks that is none is refused, with its name", async () => {
  const directory = await temporaryDirectory();
  const result = await tool(["recognise", komatsu, "--vision-models", directory, "--json"]);
  expect(json(result)).toMatchObject({
    code: "E_VISION_MODELS",
    message: expect.stringContaining(directory),
  });
  expect(result.code).toBe(2);
});

test("a reader that cannot be opened ends the command, and does not wait for the deadline", async () => {
  const result = await tool(["recognise", komatsu, "--vision", "google", "--json"], {
    env: { GOOGLE_APPLICATION_CREDENTIALS: "no-such-key.json" },
  });
  expect(json(result)).toMatchObject({ code: "E_VISION_CREDENTIALS" });
  expect(result.code).toBe(5);
});

describe("bad input is refused as in an upload", () => {
  test("each by its own code", async () => {
    const codes = {
      "broken/empty.jpg": "E_IMAGE_EMPTY",
      "broken/truncated.jpg": "E_IMAGE_TRUNCATED",
      "broken/text.jpg": "E_IMAGE_NOT_AN_IMAGE",
      "broken/animation.gif": "E_IMAGE_TYPE_REFUSED",
      "broken/huge-header.png": "E_IMAGE_TOO_MANY_PIXELS",
      "no-such-file.jpg": "E_FILE_NOT_FOUND",
      broken: "E_FILE_IS_DIRECTORY",
    };
    const result = await tool(["recognise", ...Object.keys(codes).map(image), "-o", "jsonl"]);
    const lines = result.stdout.trim().split("\n");
    const unread = lines.map((line) => UnreadReport.parse(JSON.parse(line)));
    expect(unread.map(({ file, failure, status }) => [file, failure.code, status])).toEqual(
      Object.entries(codes).map(([name, code]) => [image(name), code, "rejected"]),
    );
    for (const code of Object.values(codes)) expect(result.stderr).toContain(code);
    expect(result.code).toBe(1);
  });

  test.each([
    ["broken/empty.jpg", "E_IMAGE_EMPTY", 2],
    ["no-such-file.jpg", "E_FILE_NOT_FOUND", 4],
    ["broken", "E_FILE_IS_DIRECTORY", 2],
  ])("%s alone is %s, exit %i", async (name, code, exitCode) => {
    const result = await tool(["recognise", image(name), "-o", "json"]);
    expect(json(result)).toMatchObject({ schema: "tu-analyze/error@1", code, exitCode });
    expect(result.code).toBe(exitCode);
  });

  test("what is too large is named", async () => {
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, "large.jpg"), "");
    await truncate(join(cwd, "large.jpg"), 11 * 1024 * 1024);
    const { stderr } = await tool(["recognise", "large.jpg"], { cwd });
    expect(stderr).toMatch(/^E_IMAGE_TOO_LARGE: large\.jpg: /);
  });

  test.each([
    [["-", "-"], "is given twice"],
    [["a.jpg", "--timeout", "soon"], "--timeout"],
    [[], "<image> is missing"],
  ])("%j is a usage error", async (args, message) => {
    const result = await tool(["recognise", ...args]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
  });

  test("an escape in a name does not reach the terminal", async () => {
    const result = await tool(["recognise", "a\u001b[31mb.jpg", "none.jpg"]);
    expect(result.code).toBe(1);
    expect(result.stdout + result.stderr).not.toContain("\u001b");
    expect(result.stderr).toContain("a\\u001b[31mb.jpg");
  });
});

describe("several images", () => {
  test("are a record a line in their order, and some that failed are exit 3", async () => {
    const paths = [image("broken/empty.jpg"), komatsu, image("none.jpg")];
    const result = await tool(["recognise", ...paths, "-o", "jsonl"], { env: await replay() });
    expect(result.code).toBe(3);
    const records = result.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { file: string; status: string });
    expect(records.map(({ file }) => file)).toEqual(paths);
    expect(records.map(({ status }) => status)).toEqual(["rejected", "read", "rejected"]);
    RecogniseReport.parse(records[1]);
    UnreadReport.parse(records[2]);
  });

  test("are a line each as text, with a count at the end", async () => {
    const result = await tool(["recognise", komatsu, image("none.jpg")], { env: await replay() });
    expect(result.code).toBe(3);
    expect(result.stdout).toMatch(/^1\/2 {2}komatsu-pc200\.jpg {2}Komatsu · PC200-8 · Excavator/);
    expect(result.stdout).toContain("1 of 2 images read, 1 failed: brand on 1");
    expect(result.stderr).toContain("E_FILE_NOT_FOUND");
  });

  test("all of them bad is exit 1, and one JSON document says so", async () => {
    const result = await tool(["recognise", "none.jpg", "neither.jpg", "-o", "json"]);
    expect(result.code).toBe(1);
    expect(json(result)).toMatchObject({ schema: "tu-analyze/recognitions@1", read: 0, failed: 2 });
  });
});

describe("stopping", () => {
  test.each([
    ["SIGINT", 130, "E_INTERRUPTED"],
    ["SIGTERM", 143, "E_TERMINATED"],
  ] as const)("%s while reading says so and is exit %i", async (signal, exitCode, code) => {
    // The first image is read and printed; the signal arrives during the second.
    let isSent = false; // a second one would end it at once
    const result = await tool(["recognise", image("nothing.jpg"), komatsu, "-o", "jsonl"], {
      onStdout: (_, child) => {
        if (!isSent) isSent = child.kill(signal);
      },
    });
    expect(result).toMatchObject({ code: exitCode, signal: null });
    expect(result.stdout.trim().split("\n").at(-1)).toContain(code);
  });

  test("a pipe that says nothing does not hold it up", async () => {
    const child = spawn(process.execPath, [binary, "recognise", "-", "--timeout", "1s"], {
      stdio: ["pipe", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    child.stdin.destroy();
    expect(code).toBe(7);
    expect(stderr).toContain("E_DEADLINE: standard input was not read within 1s");
  });

  test("the time that was given bounds the reading", async () => {
    const result = await tool(["recognise", komatsu, "--timeout", "250ms", "-o", "json"]);
    expect(json(result)).toMatchObject({ code: "E_DEADLINE" });
    expect(result.code).toBe(7);
  });
});
