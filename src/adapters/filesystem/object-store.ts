import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireObjectKey } from "../../pipeline/contracts/object-key.ts";
import { TuError } from "../../pipeline/errors.ts";
import type { ObjectStore, StoredObject } from "../../pipeline/ports.ts";
import { makeDirectories } from "./directories.ts";
import { footerOf, readFooter } from "./object-footer.ts";
import { createTemporaryFiles } from "./temporary-files.ts";

// Objects as files.
//
// 1. A file is written and synced under a temporary name, then renamed: an object is there as a
//    whole or not at all, and of two puts to one key one wins as a whole.
// 2. What belongs to the bytes (key, content type, size) ends the same file. A second file beside it
//    would need a second rename, and a crash between the two would lose the object that was there.
// 3. A file's name is the hash of its key: no key leads out of the directory, into another
//    key's place, or together with one that differs in case.

const namePattern = /^[0-9a-f]{64}$/;

/**
 * Opens or creates the store in `directory` and removes what dead runs left half-written; `signer`
 * gives and checks the URLs. Throws E_STATE_UNUSABLE, also later, and E_STATE_FULL.
 */
export async function createFilesystemObjectStore(options: {
  readonly directory: string;
  readonly signer: Pick<ObjectStore, "presign" | "authorize">;
}): Promise<ObjectStore> {
  const { directory, signer } = options;
  const objects = join(directory, "objects");
  const guard = createGuard(directory);
  const temporary = createTemporaryFiles(join(directory, "tmp"));
  await guard(async () => {
    for (const path of [directory, objects, temporary.directory]) await makeDirectory(path);
    await syncDirectory(directory);
    await temporary.removeLeftovers();
  });
  const pathOf = (key: string) => join(objects, nameOf(key));
  return {
    presign: signer.presign,
    authorize: signer.authorize,
    async put(key, bytes, { contentType }) {
      requireObjectKey(key);
      const stored = { key, contentType, sizeBytes: bytes.length };
      await guard(() =>
        temporary.use(async (path) => {
          await writeSynced(path, [bytes, footerOf(stored)]);
          await rename(path, pathOf(key));
          await syncDirectory(objects);
        }),
      );
      return stored;
    },
    get: (key) => guard(() => read(pathOf(key), key, withBytes)),
    stat: (key) => guard(() => read(pathOf(key), key, async (_, stored) => stored)),
    delete: (key) =>
      guard(async () => {
        await rm(pathOf(key), { force: true });
        await syncDirectory(objects);
      }),
    list: () => guard(() => listObjects(objects)),
  };
}

const nameOf = (key: string) => createHash("sha256").update(key).digest("hex");

/** 0700. A link in our place would lead somewhere else. */
async function makeDirectory(path: string): Promise<void> {
  await makeDirectories(path, 0o700);
  const status = await lstat(path);
  if (!status.isDirectory()) throw new Error(`${path} is not a directory`);
}

async function writeSynced(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    for (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename last. Windows cannot open a directory, and does not need it. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Undefined when there is no whole object of that key. */
async function read<T>(
  path: string,
  key: string | null,
  take: (handle: FileHandle, stored: StoredObject) => Promise<T>,
): Promise<T | undefined> {
  const handle = await openExisting(path);
  if (handle === undefined) return undefined;
  try {
    const stored = await readFooter(handle);
    if (stored === undefined || (key !== null && stored.key !== key)) return undefined;
    return await take(handle, stored);
  } finally {
    await handle.close();
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (hasCode(error, ["ENOENT"])) return undefined;
    throw error;
  }
}

async function withBytes(handle: FileHandle, stored: StoredObject) {
  const file = await handle.readFile();
  return { ...stored, bytes: new Uint8Array(file.buffer, file.byteOffset, stored.sizeBytes) };
}

async function listObjects(objects: string): Promise<readonly StoredObject[]> {
  const names = (await readdir(objects)).filter((name) => namePattern.test(name));
  const found: StoredObject[] = [];
  for (const name of names) {
    const stored = await read(join(objects, name), null, async (_, one) => one);
    if (stored !== undefined && nameOf(stored.key) === name) found.push(stored);
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What the file system says, as an error that a user can act on. */
function createGuard(directory: string) {
  return async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (error) {
      if (hasCode(error, ["ENOSPC", "EDQUOT"]))
        throw new TuError("E_STATE_FULL", `no space left to store objects in ${directory}`, {
          hint: "free some disk space, or use another state directory",
          cause: error,
        });
      throw new TuError("E_STATE_UNUSABLE", `objects cannot be kept in ${directory}`, {
        hint: `see that ${directory} is a directory that you may write to`,
        cause: error,
      });
    }
  };
}

const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));
