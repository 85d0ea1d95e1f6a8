import {
  cp,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { UrlSigner } from "../../pipeline/ports/object-store.ts";
import { createUrlSigner } from "../signing/url-signer.ts";
import { objectStoreContract } from "../testing/object-store-contract.ts";
import { signedRequestsContract } from "../testing/signed-requests-contract.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createFilesystemObjectStore } from "./object-store.ts";

const baseUrl = () => "http://127.0.0.1:9000";
const noSigner: UrlSigner = {
  presign: () => ({ url: "", expiresAt: "" }),
  authorize: () => ({ allowed: false, reason: "malformed" }),
};
const picture = { contentType: "image/jpeg" };

type Synced = { readonly inode: number; readonly sizeBytes: number; readonly names: string[] };

/** What is synced from now on, in order, as it is at that time; a directory with its content. */
async function watchSyncs(directories: readonly string[]): Promise<readonly Synced[]> {
  const synced: Synced[] = [];
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as FileHandle; // where every handle has its methods
  await handle.close();
  const { sync } = prototype;
  const watching = vi.spyOn(prototype, "sync").mockImplementation(async function (
    this: FileHandle,
  ) {
    const { ino: inode, size: sizeBytes } = await this.stat();
    const inodes = await Promise.all(directories.map(async (path) => (await stat(path)).ino));
    const path = directories[inodes.indexOf(inode)];
    synced.push({ inode, sizeBytes, names: path === undefined ? [] : await readdir(path) });
    return sync.call(this);
  });
  onTestFinished(() => watching.mockRestore());
  return synced;
}

describe("filesystem object store", () => {
  const open = async (clock: Clock) => {
    const { directory, remove } = await createTemporaryDirectory();
    const signer = createUrlSigner({ baseUrl, secret: "secret", clock });
    return { store: await createFilesystemObjectStore({ directory, signer }), close: remove };
  };
  objectStoreContract(open);
  signedRequestsContract(open);

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

  inDirectory("equal pictures are one file, as long as a key needs it", async (directory) => {
    const store = await openStore(directory);
    const keys = ["a", "b/c", "d"];
    await Promise.all(keys.map((key) => store.put(key, Buffer.from("same"), picture)));
    const names = await readdir(join(directory, "objects"));
    const files = names.map((name) => stat(join(directory, "objects", name)));
    expect(new Set((await Promise.all(files)).map(({ ino }) => ino)).size).toBe(1);
    for (const [index, key] of keys.entries()) {
      expect((await readdir(join(directory, "contents"))).length).toBe(1);
      expect((await (await openStore(directory)).list()).length).toBe(keys.length - index);
      await store.delete(key);
    }
    expect(await readdir(join(directory, "contents"))).toEqual([]);
  });

  inDirectory("a damaged copy does not spread", async (directory) => {
    const store = await openStore(directory);
    await store.put("a", Buffer.from("some bytes"), picture);
    const file = await fileOf(directory);
    await writeFile(file, (await readFile(file)).fill("X", 0, 4));
    await store.put("b", Buffer.from("some bytes"), picture);
    expect(Buffer.from((await store.get("b"))?.bytes ?? []).toString()).toBe("some bytes");
  });

  inDirectory("of two stores in one directory the first put wins", async (directory) => {
    const stores = [await openStore(directory), await openStore(directory)];
    const puts = stores.map((store, index) => store.put("a", Buffer.from([index]), picture));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  inDirectory("objects of the earlier layout are read, kept and deleted", async (directory) => {
    const earlier = new URL("../../../fixtures/state/1/objects/", import.meta.url);
    await cp(earlier, directory, { recursive: true });
    const store = await openStore(directory);
    const objects = await store.list();
    expect(objects.length).toBe(4);
    for (const { key, sizeBytes } of objects) {
      const { bytes = new Uint8Array(), contentType = "" } = (await store.get(key)) ?? {};
      expect(bytes.length).toBe(sizeBytes);
      await store.put(key, bytes, { contentType });
      await expect(store.put(key, Buffer.from("x"), picture)).rejects.toMatchObject({
        code: "E_OBJECT_EXISTS",
      });
      await store.delete(key);
    }
    expect(await store.list()).toEqual([]);
  });

  inDirectory(
    "a put is on the disk when it resolves: bytes, then their names",
    async (directory) => {
      const store = await openStore(directory);
      const [contents, objects] = [join(directory, "contents"), join(directory, "objects")];
      const synced = await watchSyncs([contents, objects]);
      await store.put("a", Buffer.from("some bytes"), picture);
      const file = await stat(await fileOf(directory));
      const [bytes, ...names] = synced;
      expect(bytes).toEqual({ inode: file.ino, sizeBytes: file.size, names: [] });
      expect(names.map(({ inode }) => inode)).toEqual([
        (await stat(contents)).ino,
        (await stat(objects)).ino,
      ]);
      expect(names.map((one) => one.names.length)).toEqual([1, 1]);
    },
  );

  inDirectory("a deletion is on the disk when it resolves", async (directory) => {
    const store = await openStore(directory);
    await store.put("a", Buffer.from("some bytes"), picture);
    const [contents, objects] = [join(directory, "contents"), join(directory, "objects")];
    const synced = await watchSyncs([contents, objects]);
    await store.delete("a");
    expect(synced.map(({ inode, names }) => [inode, names])).toEqual([
      [(await stat(contents)).ino, []],
      [(await stat(objects)).ino, []],
    ]);
  });

  inDirectory(
    "the directories of a new store are on the disk once it is open",
    async (directory) => {
      await mkdir(directory);
      const synced = await watchSyncs([directory]);
      await openStore(directory);
      const [root] = synced;
      expect(root?.inode).toBe((await stat(directory)).ino);
      expect(root?.names.toSorted()).toEqual(["contents", "objects", "tmp"]);
    },
  );

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
