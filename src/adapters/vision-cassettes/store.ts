import { randomUUID } from "node:crypto";
import { access, constants, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { TuError } from "../../pipeline/errors.ts";
import { type Cassette, makeCassette, nameOf, readCassette, requireSame } from "./cassette.ts";

/** Cassettes as files in one directory. */
export type CassetteStore = {
  /** Creates the directory, or throws E_CASSETTE_UNWRITABLE before any call is billed. */
  prepare(makeDirectory: (path: string) => Promise<void>): Promise<void>;
  /** Undefined if there is no cassette for the picture. Throws E_CASSETTE_INVALID, E_FILE_UNREADABLE. */
  find(image: Uint8Array): Promise<Held | undefined>;
  /** Replaces an existing one atomically, even with concurrent writers. */
  save(image: Uint8Array, answer: unknown): Promise<Held>;
};
export type Held = { readonly file: string; readonly cassette: Cassette };

export function createCassetteStore(directory: string, features: readonly string[]): CassetteStore {
  const fileOf = (image: Uint8Array) => join(directory, nameOf(image, features));
  return {
    async prepare(makeDirectory) {
      await guarded(directory, async () => {
        await makeDirectory(directory);
        await access(directory, constants.W_OK);
      });
    },
    async find(image) {
      const file = fileOf(image);
      const text = await textOf(file);
      if (text === undefined) return undefined;
      const cassette = readCassette(text, file);
      requireSame(cassette, makeCassette(image, features, {}), file);
      return { file, cassette };
    },
    async save(image, answer) {
      const cassette = makeCassette(image, features, answer);
      const file = fileOf(image);
      await guarded(directory, () => replace(file, `${JSON.stringify(cassette, null, 2)}\n`));
      return { file, cassette };
    },
  };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    throw new TuError("E_FILE_UNREADABLE", `the cassette ${file} cannot be read (${code})`, {
      hint: "check its permissions",
      cause: error,
    });
  }
}

/** Written under a name of its own until complete; others only see the rename. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}-${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function guarded(directory: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const code = codeOf(error);
    const space = code === "ENOSPC" || code === "EDQUOT" ? "free some disk space, or " : "";
    throw new TuError(
      "E_CASSETTE_UNWRITABLE",
      `cassettes cannot be written to ${directory} (${code})`,
      { hint: `${space}choose another directory with --vision-dir`, cause: error },
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
