import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Vitest's global set-up: bundles the sources once, before any test starts the binary. */
export function setup(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, "build.mjs")], { stdio: "inherit" });
}
