import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { problemWithKey, requireObjectKey } from "../../pipeline/domain/object-key.ts";
import { TuError } from "../../pipeline/errors.ts";
import type {
  EmbeddedObjectStore,
  StoredObject,
  UrlSigner,
} from "../../pipeline/ports/object-store.ts";
import { makeDirectories } from "./directories.ts";
import { type Footer, footerOf, readFooter } from "./object-footer.ts";
import { createTemporaryFiles, type TemporaryFiles } from "./temporary-files.ts";

// Objects as files.
//
// 1. A file is written and synced under a temporary name, then linked: an object exists completely or not at all,
//    and of two puts to one key the first wins, across processes.
// 2. `contents/` has each file once, named by its hash; a key is another hard link to it. The file system counts the
//    links, so no crash and no race removes bytes that a key needs, or leaves a dangling reference. Where it has no
//    hard links, each key has a copy.
// 3. What belongs to the bytes (content type, size) is stored at the end of the same file; the key is in its name. A
//    second file next to it would need a second link, and a crash between the two would lose the object.
// 4. The name begins with the hash of the key: no key can escape the directory, take another key's place, or collide
//    with one that differs in case. The earlier layout had the key in the file and only its hash in the name; such
//    objects are read, kept and deleted as they are.

const keyPattern = /^([0-9a-f]{32})\.(.+)\.object$/;
const earlierPattern = /^[0-9a-f]{64}$/;

/**
 * Opens or creates the store in `directory` and removes partial files of dead runs; `signer` creates and checks the
 * URLs. Throws E_STATE_UNUSABLE, also later, and E_STATE_FULL.
 */
export async function createFilesystemObjectStore(options: {
  readonly directory: string;
  readonly signer: UrlSigner;
}): Promise<EmbeddedObjectStore> {
  const { directory, signer } = options;
  const places: Places = {
    objects: join(directory, "objects"),
    contents: join(directory, "contents"),
    temporary: createTemporaryFiles(join(directory, "tmp")),
  };
  const { contents, objects, temporary } = places;
  const guard = createGuard(directory);
  await guard(async () => {
    for (const path of [directory, objects, contents, temporary.directory])
      await makeDirectory(path);
    await syncDirectory(directory);
    await temporary.removeLeftovers();
  });
  return {
    presign: signer.presign,
    authorize: signer.authorize,
    async put(key, bytes, { contentType }) {
      requireObjectKey(key);
      // Synchronously: the caller may reuse its buffer.
      const file = Buffer.concat([bytes, footerOf({ contentType, sizeBytes: bytes.length })]);
      const stored = { key, contentType, sizeBytes: bytes.length };
      return guard(() => putFile(places, stored, file));
    },
    get: (key) => guard(() => find(objects, key, withBytes)),
    stat: (key) => guard(() => find(objects, key, async (_, stored) => stored)),
    delete: (key) => guard(() => remove(places, key)),
    list: () => guard(() => listObjects(objects)),
  };
}

type Places = {
  readonly objects: string;
  readonly contents: string;
  readonly temporary: TemporaryFiles;
};

const hashOf = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const nameOf = (key: string) => `${hashOf(key).slice(0, 32)}.${key.replaceAll("/", "+")}.object`;
const earlierNameOf = (key: string) => hashOf(key);

/** Undefined for a name that does not belong to a key. */
function keyNamed(name: string): string | undefined {
  const key = keyPattern.exec(name)?.[2]?.replaceAll("+", "/");
  return key !== undefined && nameOf(key) === name ? key : undefined;
}

async function putFile(
  places: Places,
  wanted: StoredObject,
  file: Uint8Array,
): Promise<StoredObject> {
  const there = await findIntact(places.objects, wanted.key);
  if (there !== undefined) return sameOrRefused(there, wanted, file);
  const path = join(places.objects, nameOf(wanted.key));
  if (await share(places, path, file)) return wanted;
  const first = await findIntact(places.objects, wanted.key);
  if (first !== undefined) return sameOrRefused(first, wanted, file);
  // The file with that name is damaged, and is not an object.
  await rm(path, { force: true });
  if (await share(places, path, file)) return wanted;
  throw new Error(`${path} was taken twice within one put`);
}

type Whole = StoredObject & { readonly bytes: Uint8Array };

function sameOrRefused(there: Whole, wanted: StoredObject, file: Uint8Array): StoredObject {
  const { bytes, ...stored } = there;
  if (Buffer.from(bytes).equals(file.subarray(0, wanted.sizeBytes))) return stored;
  throw new TuError("E_OBJECT_EXISTS", `${wanted.key} is already stored with different bytes`);
}

/** A symbolic link in place of an object is not an object, and is not followed. */
async function findIntact(objects: string, key: string): Promise<Whole | undefined> {
  try {
    return await find(objects, key, withBytes);
  } catch (error) {
    if (hasCode(error, ["ELOOP"])) return undefined;
    throw error;
  }
}

/** Gives the single copy of the contents the key's name too. False: the name is taken. */
async function share(places: Places, path: string, file: Uint8Array): Promise<boolean> {
  const content = join(places.contents, hashOf(file));
  if (!(await isIntact(content, file))) await writeContent(places, content, file);
  // The contents are missing: deleted meanwhile with the last key, or a file system without hard links.
  const isDone = (await linked(content, path)) ?? (await placeWhole(places, path, file));
  await syncDirectory(places.objects);
  return isDone;
}

/** False: the name is taken. Undefined: it cannot be linked. */
async function linked(from: string, to: string): Promise<boolean | undefined> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, ["EEXIST"])) return false;
    if (hasCode(error, ["ENOENT", ...withoutLinks])) return undefined;
    throw error;
  }
}

const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** A damaged copy must not spread to other keys. */
async function isIntact(content: string, file: Uint8Array): Promise<boolean> {
  const handle = await openExisting(content);
  if (handle === undefined) return false;
  try {
    return (await handle.readFile()).equals(file);
  } finally {
    await handle.close();
  }
}

async function writeContent(places: Places, content: string, file: Uint8Array): Promise<void> {
  await places.temporary.use(async (path) => {
    await writeSynced(path, [file]);
    // An equal file from another process is as good; a damaged one is replaced.
    if ((await linked(path, content)) || (await isIntact(content, file)))
      await rm(path, { force: true });
    else await rename(path, content);
  });
  await syncDirectory(places.contents);
}

/** False: the name is taken. On file systems without hard links, the last of two concurrent puts wins. */
async function placeWhole(places: Places, path: string, file: Uint8Array): Promise<boolean> {
  let isDone = true;
  await places.temporary.use(async (unfinished) => {
    await writeSynced(unfinished, [file]);
    const outcome = await linked(unfinished, path);
    if (outcome === undefined) return rename(unfinished, path);
    isDone = outcome;
    await rm(unfinished, { force: true });
  });
  return isDone;
}

/** Removes the contents' own name first: a crash in between leaves the object, never orphaned bytes. */
async function remove({ contents, objects }: Places, key: string): Promise<void> {
  if (problemWithKey(key) !== undefined) return;
  const path = join(objects, nameOf(key));
  const content = await read(path, async (handle) => {
    const { nlink } = await handle.stat();
    return nlink > 2 ? undefined : join(contents, hashOf(await handle.readFile()));
  });
  if (content !== undefined) await rm(content, { force: true });
  await rm(path, { force: true });
  await rm(join(objects, earlierNameOf(key)), { force: true });
  await syncDirectory(contents);
  await syncDirectory(objects);
}

/** 0700. A symbolic link in place of our directory would lead elsewhere. */
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

/** Makes a rename durable. Windows cannot open a directory, and does not need this. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

type Take<T> = (handle: FileHandle, stored: StoredObject) => Promise<T>;

/** Undefined if the key has no complete object, in this layout or the earlier one. */
async function find<T>(objects: string, key: string, take: Take<T>): Promise<T | undefined> {
  if (problemWithKey(key) !== undefined) return undefined;
  const found = await read(join(objects, nameOf(key)), (handle, footer) =>
    take(handle, { ...describe(footer), key }),
  );
  if (found !== undefined) return found;
  return read(join(objects, earlierNameOf(key)), async (handle, footer) =>
    footer.key === key ? take(handle, { ...describe(footer), key }) : undefined,
  );
}

const describe = ({ contentType, sizeBytes }: Footer) => ({ contentType, sizeBytes });

/** Undefined if there is no complete file. */
async function read<T>(
  path: string,
  take: (handle: FileHandle, footer: Footer) => Promise<T>,
): Promise<T | undefined> {
  const handle = await openExisting(path);
  if (handle === undefined) return undefined;
  try {
    const footer = await readFooter(handle);
    return footer === undefined ? undefined : await take(handle, footer);
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
  const found = new Map<string, StoredObject>();
  for (const name of await readdir(objects)) {
    const isEarlier = earlierPattern.test(name);
    const key = isEarlier ? undefined : keyNamed(name);
    if (!isEarlier && key === undefined) continue;
    const stored = await read(join(objects, name), async (_, footer) => {
      const own = key ?? footer.key;
      return own === undefined ? undefined : { ...describe(footer), key: own };
    });
    if (stored !== undefined && (!isEarlier || earlierNameOf(stored.key) === name))
      found.set(stored.key, stored);
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Turns a file system error into one that a user can act on. */
function createGuard(directory: string) {
  return async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (error) {
      if (error instanceof TuError) throw error;
      if (hasCode(error, ["ENOSPC", "EDQUOT"]))
        throw new TuError("E_STATE_FULL", `no space left to store objects in ${directory}`, {
          hint: "free some disk space, or use another state directory",
          cause: error,
        });
      throw new TuError("E_STATE_UNUSABLE", `objects cannot be stored in ${directory}`, {
        hint: `make sure that ${directory} is a writable directory`,
        cause: error,
      });
    }
  };
}

const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));
