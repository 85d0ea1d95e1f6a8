import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ObjectStore } from "../../pipeline/ports.ts";
import { createUrlSigner } from "../signing/url-signer.ts";
import { objectStoreContract } from "../testing/object-store-contract.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createFilesystemObjectStore } from "./object-store.ts";

const baseUrl = () => "http://127.0.0.1:9000";
const noSigner: Pick<ObjectStore, "presign" | "authorize"> = {
  presign: () => ({ url: "", expiresAt: "" }),
  authorize: () => ({ allowed: false, reason: "malformed" }),
};
const picture = { contentType: "image/jpeg" };

describe("filesystem object store", () => {
  objectStoreContract(async (clock) => {
    const { directory, remove } = await createTemporaryDirectory();
    const signer = createUrlSigner({ baseUrl, secret: "secret", clock });
    return { store: await createFilesystemObjectStore({ directory, signer }), close: remove };
  });

  const inDirectory = (name: string, run: (directory: string) => Promise<void>) =>
    test(name, async () => {
      const { directory, remove } = await createTemporaryDirectory();
      try {
        await run(join(directory, "state"));
      } finally {
        await remove();
      }
    });
  const openStore = (directory: string) =>
    createFilesystemObjectStore({ directory, signer: noSigner });
  const fileOf = async (directory: string) => {
    const [name = ""] = await readdir(join(directory, "objects"));
    return join(directory, "objects", name);
  };

  inDirectory("objects are there for the next run, and private", async (directory) => {
    await (await openStore(directory)).put("a/b.jpg", Buffer.from("x"), picture);
    expect((await (await openStore(directory)).get("a/b.jpg"))?.sizeBytes).toBe(1);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(await fileOf(directory))).mode & 0o777).toBe(0o600);
  });

  inDirectory("a file that was cut anywhere is no object", async (directory) => {
    const store = await openStore(directory);
    await store.put("a", Buffer.from("some bytes"), picture);
    const file = await fileOf(directory);
    for (let { size } = await stat(file); size > 0; size -= 1) {
      await truncate(file, size - 1);
      expect(await store.get("a")).toBeUndefined();
      expect(await store.stat("a")).toBeUndefined();
    }
    expect(await store.list()).toEqual([]);
  });

  inDirectory("a file with a byte too many or another end is no object", async (directory) => {
    const store = await openStore(directory);
    await store.put("a", Buffer.from("some bytes"), picture);
    const file = await fileOf(directory);
    const whole = await readFile(file);
    const otherEnd = Buffer.from(whole);
    otherEnd[whole.length - 2] = 0;
    for (const damaged of [Buffer.concat([Buffer.from("x"), whole]), otherEnd]) {
      await writeFile(file, damaged);
      expect(await store.get("a")).toBeUndefined();
    }
    await writeFile(file, whole);
    expect((await store.get("a"))?.sizeBytes).toBe(10);
  });

  inDirectory("an object under another's name is not that other", async (directory) => {
    const store = await openStore(directory);
    await store.put("a", Buffer.from("x"), picture);
    const name = "0".repeat(64);
    await writeFile(join(directory, "objects", name), "not an object");
    expect((await store.list()).map(({ key }) => key)).toEqual(["a"]);
  });

  inDirectory("a put leaves no temporary file", async (directory) => {
    await (await openStore(directory)).put("a", Buffer.from("x"), picture);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  inDirectory("a link in place of a directory is refused", async (directory) => {
    await mkdir(join(directory, "..", "elsewhere"), { recursive: true });
    await mkdir(directory);
    await symlink(join(directory, "..", "elsewhere"), join(directory, "objects"));
    await expect(openStore(directory)).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
  });

  inDirectory("a link in place of an object is not followed", async (directory) => {
    const store = await openStore(directory);
    await store.put("a", Buffer.from("x"), picture);
    const file = await fileOf(directory);
    const other = join(directory, "..", "other");
    await writeFile(other, "outside");
    await rm(file);
    await symlink(other, file);
    await expect(store.get("a")).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
    await store.put("a", Buffer.from("new"), picture);
    expect((await store.get("a"))?.sizeBytes).toBe(3);
    expect((await stat(other)).size).toBe("outside".length);
  });

  inDirectory("a place that cannot be used is named with a hint", async (directory) => {
    await writeFile(directory, "a file");
    await expect(openStore(directory)).rejects.toMatchObject({
      code: "E_STATE_UNUSABLE",
      hint: expect.stringContaining(directory),
    });
  });

  inDirectory("a put that fails leaves nothing", async (directory) => {
    const store = await openStore(directory);
    await rm(join(directory, "objects"), { recursive: true });
    const put = store.put("a", Buffer.from("x"), picture);
    await expect(put).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });
});
