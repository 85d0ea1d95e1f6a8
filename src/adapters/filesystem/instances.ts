import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { flowNames } from "../../pipeline/contracts/contract.ts";
import { namesIn } from "./directories.ts";

/** A running pipeline, as it registers itself. */
const Instance = z.object({
  v: z.literal(1),
  pid: z.int(),
  /** Identifies the process beyond its reusable id; null where the system cannot. */
  process: z.string().nullable(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  flow: z.enum(flowNames),
  /** Nothing of it is kept. */
  isEphemeral: z.boolean(),
  /** Base addresses by service. */
  services: z.record(z.string(), z.string()),
  /** Base address and token of what it tells other commands. */
  observer: z.object({ url: z.string(), token: z.string() }),
});
export type Instance = z.infer<typeof Instance>;

export type Instances = {
  /** Registers it, readable for this user alone. Returns the function that removes it. */
  add(instance: Instance): Promise<() => Promise<void>>;
  /** Those that run here, oldest first. The others are removed if they are gone, or have been there for a month. */
  all(whereIs: (instance: Instance) => Whereabouts): Promise<readonly Instance[]>;
};
/** `elsewhere`: on another system, or before a restart of this one; whether it runs is not known. */
export type Whereabouts = "here" | "elsewhere" | "gone";

const monthMs = 30 * 24 * 60 * 60 * 1000;

const fileName = /^[0-9]+-[0-9a-f]{8}\.json$/;

/** One file per running pipeline, in a directory that exists before the first is added. What is not readable is skipped. */
export function createInstances(directory: string): Instances {
  return {
    async add(instance) {
      const file = join(directory, `${instance.pid}-${randomBytes(4).toString("hex")}.json`);
      await writeFile(`${file}.new`, JSON.stringify(instance), { mode: 0o600 });
      await rename(`${file}.new`, file);
      return () => rm(file, { force: true });
    },
    async all(whereIs) {
      const found: Instance[] = [];
      for (const name of await namesIn(directory)) {
        if (!fileName.test(name)) continue;
        const file = join(directory, name);
        const instance = await read(file);
        if (instance === null) continue;
        const where = whereIs(instance);
        const isOld = Date.now() - Date.parse(instance.startedAt) > monthMs;
        if (where === "here") found.push(instance);
        else if (where === "gone" || isOld) await rm(file, { force: true });
      }
      return found.sort((one, other) => one.startedAt.localeCompare(other.startedAt));
    },
  };
}

async function read(file: string): Promise<Instance | null> {
  try {
    return Instance.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null; // it has just ended, or another version wrote it
  }
}
