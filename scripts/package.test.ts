import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

test("the package has no script that npm would ask about on installation", () => {
  const file = join(root, "package.json");
  const { scripts } = JSON.parse(readFileSync(file, "utf8")) as { scripts: object }; // npm's own format
  // npm counts these as install scripts, and `prepare` for packages from a file; not `postprepare`.
  for (const name of ["preinstall", "install", "postinstall", "prepare"])
    expect(scripts).not.toHaveProperty(name);
});

test("the native runtime that is proven to read the same is of the version that is bundled", () => {
  const versionIn = (lock: string, name: string) => {
    // npm's lock file, format 3.
    const { packages } = JSON.parse(readFileSync(join(root, lock), "utf8")) as {
      packages: Record<string, { version: string }>;
    };
    return packages[`node_modules/${name}`]?.version;
  };
  expect(versionIn("bench/native/package-lock.json", "onnxruntime-node")).toBe(
    versionIn("package-lock.json", "onnxruntime-web"),
  );
});
