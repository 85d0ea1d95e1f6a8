import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

test("what is packed has no script that npm would ask about when it is installed", () => {
  const file = join(import.meta.dirname, "..", "package.json");
  const { scripts } = JSON.parse(readFileSync(file, "utf8")) as { scripts: object }; // npm's own format
  // These npm counts as install scripts, `prepare` for what comes from a file; not `postprepare`.
  for (const name of ["preinstall", "install", "postinstall", "prepare"])
    expect(scripts).not.toHaveProperty(name);
});
