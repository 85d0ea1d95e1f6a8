import { stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { makeDirectories } from "./directories.ts";

async function temporary(): Promise<string> {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  return directory;
}

test("missing directories are created with the requested mode, even by several processes at once", async () => {
  const directory = await temporary();
  const path = join(directory, "a", "b", "c");
  await Promise.all(Array.from({ length: 8 }, () => makeDirectories(path, 0o700)));
  for (const made of [path, join(directory, "a", "b"), join(directory, "a")])
    expect((await stat(made)).mode & 0o777).toBe(0o700);
  await makeDirectories(path, 0o755);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test("a file in its place or above it is an error, and so is a link to nothing", async () => {
  const directory = await temporary();
  const file = join(directory, "file");
  await writeFile(file, "");
  await expect(makeDirectories(file)).rejects.toMatchObject({ code: "ENOTDIR" });
  await expect(makeDirectories(join(file, "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
  const link = join(directory, "link");
  await symlink(join(directory, "nothing"), link);
  await expect(makeDirectories(link)).rejects.toMatchObject({ code: "ENOENT" });
});

test.runIf(process.platform === "linux")(
  "where nothing can be made it fails at once",
  { timeout: 5_000 },
  async () => {
    const refused = { code: "EPERM", message: "nothing can be created in /proc" };
    await expect(makeDirectories("/proc/nope")).rejects.toMatchObject(refused);
    await expect(makeDirectories("/proc/nope/below")).rejects.toMatchObject(refused);
  },
);
