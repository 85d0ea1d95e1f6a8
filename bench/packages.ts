// P12: the packages and install scripts of an installation.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Figure } from "./measure.ts";

type Locked = {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
};

export function packages(): readonly Figure[] {
  const file = join(import.meta.dirname, "..", "package-lock.json");
  // npm's lock file, format 3.
  const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Locked> };
  const runtime = Object.entries(lock.packages).filter(
    ([path, { dev, optional }]) => path !== "" && dev !== true && optional !== true,
  );
  const scripts = runtime.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  return [
    {
      id: "P12",
      what: "runtime install scripts",
      value: scripts.length,
      goal: "0 needed",
      isMet: scripts.length === 0,
      detail: scripts.map(([path]) => path.replace("node_modules/", "")).join(", ") || "none",
    },
    {
      id: "P12",
      what: "packages of the embedded default",
      value: runtime.length,
      goal: "as few as possible",
      isMet: true,
      detail: "optional platform binaries not counted",
    },
  ];
}
