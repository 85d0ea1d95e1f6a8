// Bundles src/commands/main.ts into dist/: one chunk per lazily imported part, packages left outside.
// Run by `postprepare`, so `npm ci` alone leaves a working binary, and by `prepack`. Not by `prepare`: npm asks
// about that one whoever installs a packed file, in which there is nothing to build.
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { thirdPartyNotices } from "./third-party.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));

/** Google's protos come in five versions, and one of them is called. */
const onlyVisionV1 = {
  name: "only-vision-v1",
  setup({ onLoad }) {
    onLoad({ filter: /@google-cloud.vision.build.protos.protos\.json$/ }, async ({ path }) => {
      const protos = JSON.parse(await readFile(path, "utf8"));
      const { vision } = protos.nested.google.nested.cloud.nested;
      vision.nested = { v1: vision.nested.v1 };
      return { contents: JSON.stringify(protos), loader: "json" };
    });
  },
};

/** Made beside `dist` and put in its place when it is whole: a tool that runs meanwhile finds its parts. */
const made = join(root, "dist.new");
await rm(made, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    main: "src/commands/main.ts",
    "reading-thread": "src/adapters/local-vision/reading-thread.ts",
    "network-thread": "src/adapters/local-vision/network-thread.ts",
  },
  outdir: "dist.new",
  bundle: true,
  splitting: true,
  metafile: true,
  plugins: [onlyVisionV1],
  // What is native or no code is installed with the package and stays outside. All else comes along: a
  // start reads a few files instead of a thousand, and a hundred packages are not installed. TypeScript is
  // for a kind of configuration file that we do not look for.
  external: ["typescript", ...Object.keys(dependencies).flatMap((name) => [name, `${name}/*`])],
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  // CommonJS packages ask for it while they load, and never read from it here.
  define: { __dirname: "import.meta.dirname" },
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
  join(made, "ort-wasm-simd-threaded.wasm"),
);

await writeFile(join(made, "THIRD-PARTY.txt"), await thirdPartyNotices(root, metafile));

await rm(join(root, "dist"), { recursive: true, force: true });
await rename(made, join(root, "dist"));

// In the repository itself `npx tu-analyze` runs this checkout, without asking the registry.
const bin = join(root, "node_modules", ".bin");
if (existsSync(join(root, "node_modules")) && process.platform !== "win32") {
  await mkdir(bin, { recursive: true });
  await rm(join(bin, "tu-analyze"), { force: true });
  await symlink(join("..", "..", "bin", "tu-analyze"), join(bin, "tu-analyze"));
}
