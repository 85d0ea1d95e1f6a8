import { createHash, randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** Files that are being written, named after who writes them: `{host}-{process}-{run}-{file}`. */
export type TemporaryFiles = {
  readonly directory: string;
  /** Gives `write` a free path; removes what is there when it fails. */
  use(write: (path: string) => Promise<void>): Promise<void>;
  /** Removes the files of processes that are gone. */
  removeLeftovers(): Promise<void>;
};

const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** Process numbers are reused, in a container even immediately; this is not. */
const run = randomUUID().slice(0, 8);
const namePattern = /^([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-[0-9a-f-]{36}$/;
/** On another host only age can tell; no put takes a day. */
const abandonedAfterMs = 24 * 60 * 60 * 1000;

export function createTemporaryFiles(directory: string): TemporaryFiles {
  const isLeftover = async (name: string): Promise<boolean> => {
    const [, ownerHost, ownerPid, ownerRun] = namePattern.exec(name) ?? [];
    if (ownerHost === undefined) return false;
    if (ownerHost === host && isGone(Number(ownerPid), ownerRun)) return true;
    return (await ageOf(join(directory, name))) > abandonedAfterMs;
  };
  return {
    directory,
    async use(write) {
      const path = join(directory, `${host}-${process.pid}-${run}-${randomUUID()}`);
      try {
        await write(path);
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    },
    async removeLeftovers() {
      for (const name of await readdir(directory))
        if (await isLeftover(name)) await rm(join(directory, name), { force: true });
    },
  };
}

/** 0 for a file that its owner has renamed or removed by now. */
async function ageOf(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw error;
  }
}

function isGone(pid: number, ownerRun: string | undefined): boolean {
  if (pid === process.pid) return ownerRun !== run;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return !(error instanceof Error && "code" in error && error.code === "EPERM");
  }
}
