import { readdir, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createTemporaryFiles } from "./temporary-files.ts";

const inDirectory = (name: string, run: (directory: string) => Promise<void>) =>
  test(name, async () => {
    const { directory, remove } = await createTemporaryDirectory();
    try {
      await run(directory);
    } finally {
      await remove();
    }
  });

inDirectory("what dead runs left is removed, what others write is not", async (directory) => {
  const files = createTemporaryFiles(directory);
  let own = "";
  await files.use(async (path) => {
    own = basename(path);
    await writeFile(path, "half");
  });
  const [host, , run] = own.split("-");
  const file = "00000000-0000-4000-8000-000000000000";
  const nobody = 2 ** 31 - 1;
  const dead = `${host}-${nobody}-${run}-${file}`;
  const earlierWithOurNumber = `${host}-${process.pid}-00000000-${file}`;
  const living = `${host}-${process.ppid}-00000000-${file}`;
  const elsewhere = `00000000-${nobody}-00000000-${file}`;
  const longAgo = `11111111-${nobody}-00000000-${file}`;
  for (const name of [dead, earlierWithOurNumber, living, elsewhere, longAgo, "unknown"])
    await writeFile(join(directory, name), "half");
  await utimes(join(directory, longAgo), new Date(0), new Date(0));
  await files.removeLeftovers();
  expect(new Set(await readdir(directory))).toEqual(new Set([own, living, elsewhere, "unknown"]));
});

inDirectory("a write that fails leaves nothing", async (directory) => {
  const files = createTemporaryFiles(directory);
  const failing = files.use(async (path) => {
    await writeFile(path, "half");
    throw new Error("no more");
  });
  await expect(failing).rejects.toThrow("no more");
  expect(await readdir(directory)).toEqual([]);
});
