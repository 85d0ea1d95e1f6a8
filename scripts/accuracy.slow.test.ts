import { spawnSync } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..");
const truth = (name: string, brand: string | null) =>
  JSON.stringify({ [name]: { brand, model: null } });

/** Includes one picture that `recognise` refuses. */
async function accuracy(truthText: string, ...args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "accuracy-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const broken = join(root, "fixtures", "images", "broken", "truncated.jpg");
  await copyFile(broken, join(folder, "truncated.jpg"));
  await copyFile(join(root, "fixtures", "images", "nothing.jpg"), join(folder, "nothing.jpg"));
  await writeFile(join(folder, "truth.json"), truthText);
  const script = [join(root, "scripts", "accuracy.ts"), folder, join(folder, "truth.json")];
  const tsx = join(root, "node_modules", ".bin", "tsx");
  return spawnSync(tsx, [...script, ...args], { encoding: "utf8" });
}

test("a picture that recognise refuses is not read, and named", async () => {
  const { status, stderr, stdout } = await accuracy(truth("truncated.jpg", "Tonka"));
  expect(status).toBe(0);
  expect(stdout).toMatch(/not read: 1\n {2}truncated\.jpg {2}E_IMAGE_TRUNCATED/);
  expect(stderr).toBe("note: not in the list of brands: Tonka\n");
});

test.each([
  ["an empty truth", "{}", [], "E_USAGE"],
  ["a truth of other pictures", truth("other.jpg", null), [], "E_USAGE"],
  ["a folder without networks", truth("nothing.jpg", null), ["--models", root], "E_VISION_MODELS"],
])("%s is exit 2, with a hint", async (_, truthText, args, code) => {
  const { status, stderr, stdout } = await accuracy(truthText, ...args);
  expect(stderr).toMatch(new RegExp(`^${code}: .+\n {2}hint: `));
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});
