// Packages of the other sides, from bench/peers; each side declares the part it uses.
import { createRequire } from "node:module";
import { join } from "node:path";

/** The steps of a flow on the other sides, in sequence. */
export const steps = ["started", "recognised", "compared", "sorted", "stored"] as const;

const from = createRequire(join(import.meta.dirname, "peers", "package.json"));

/** Null if `npm ci --ignore-scripts --prefix bench/peers` has not run. */
export function loadPeer(name: string): unknown {
  return pathInPeers(name) === null ? null : from(name);
}

export function pathInPeers(name: string): string | null {
  try {
    return from.resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}
