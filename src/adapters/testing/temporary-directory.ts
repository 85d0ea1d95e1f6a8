import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory for one test, and how to remove it. */
export async function createTemporaryDirectory(): Promise<{
  readonly directory: string;
  readonly remove: () => Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), "tu-analyze-"));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
