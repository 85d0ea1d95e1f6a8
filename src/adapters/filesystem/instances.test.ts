import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createInstances, type Instance } from "./instances.ts";

async function opened() {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  return { directory, instances: createInstances(directory) };
}

const instance = (values: Partial<Instance> = {}): Instance => ({
  ...{ v: 1, pid: 4711, process: "boot pid:[1] 4711 1", flow: "full", isEphemeral: false },
  startedAt: new Date().toISOString(),
  services: { "graph-gateway": "http://127.0.0.1:7400" },
  observer: { url: "http://127.0.0.1:7411", token: "secret" },
  ...values,
});
const here = () => "here" as const;

test("what registers is found, oldest first, until it removes itself", async () => {
  const { directory, instances } = await opened();
  const younger = instance({ startedAt: "2026-01-02T00:00:00.000Z" });
  const older = instance({ pid: 1, startedAt: "2026-01-01T00:00:00.000Z" });
  const remove = await instances.add(younger);
  await instances.add(older);
  expect(await instances.all(here)).toEqual([older, younger]);
  await remove();
  expect(await instances.all(here)).toEqual([older]);
  expect(await readdir(directory)).toHaveLength(1);
});

test("its token is readable for this user alone", async () => {
  const { directory, instances } = await opened();
  await instances.add(instance());
  const [name = ""] = await readdir(directory);
  expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
});

test("one that is gone is removed; one elsewhere is not told, and removed after a month", async () => {
  const { directory, instances } = await opened();
  const names = ["gone", "elsewhere", "long-ago"];
  const longAgo = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000).toISOString();
  for (const name of names)
    await instances.add(
      instance({ process: name, ...(name === "long-ago" ? { startedAt: longAgo } : {}) }),
    );
  const where = ({ process }: Instance) => (process === "gone" ? "gone" : "elsewhere");
  expect(await instances.all(where)).toEqual([]);
  const [left = "", ...others] = await readdir(directory);
  expect(others).toEqual([]);
  expect(JSON.parse(await readFile(join(directory, left), "utf8"))).toMatchObject({
    process: "elsewhere",
  });
});

test("other files, and those of another version, are left alone", async () => {
  const { directory, instances } = await opened();
  const strange = ["4711.log", "1-0000000a.json", "2-0000000b.json"];
  for (const name of strange) await writeFile(join(directory, name), '{"v":99}');
  await writeFile(join(directory, "2-0000000b.json"), "{");
  expect(await instances.all(here)).toEqual([]);
  expect(await readdir(directory)).toEqual(strange.toSorted());
});

test("a directory that does not exist yet has none", async () => {
  const { directory } = await opened();
  expect(await createInstances(join(directory, "missing")).all(here)).toEqual([]);
});
