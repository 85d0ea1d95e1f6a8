// Bundles src/commands/main.ts into dist/: one chunk per lazily imported part, packages left outside.
// Run by `prepare`, so `npm ci` alone leaves a working binary.
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));

await rm(join(root, "dist"), { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    main: "src/commands/main.ts",
    "reading-thread": "src/adapters/local-vision/reading-thread.ts",
  },
  outdir: "dist",
  bundle: true,
  splitting: true,
  // What is installed with the package stays outside. commander is needed at every start and comes
  // along instead: reading one file is faster than finding another.
  external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  format: "esm",
  platform: "node",
  target: "node20.19",
  chunkNames: "chunks/[name]-[hash]",
  legalComments: "none",
  logLevel: "warning",
});

// The networks' runtime is a devDependency: of its 139 MB this file and what is bundled are all that runs.
await copyFile(
  join(root, "node_modules", "onnxruntime-web", "dist", "ort-wasm-simd-threaded.wasm"),
  join(root, "dist", "ort-wasm-simd-threaded.wasm"),
);

await copyFile(
  join(root, "node_modules", "commander", "LICENSE"),
  join(root, "dist", "commander.LICENSE"),
);

// In the repository itself `npx tu-analyze` runs this checkout, without asking the registry.
const bin = join(root, "node_modules", ".bin");
if (existsSync(join(root, "node_modules")) && process.platform !== "win32") {
  await mkdir(bin, { recursive: true });
  await rm(join(bin, "tu-analyze"), { force: true });
  await symlink(join("..", "..", "bin", "tu-analyze"), join(bin, "tu-analyze"));
}
