// Proves that each rule of .dependency-cruiser.cjs takes effect: plants a violation of every rule in a temporary
// tree and fails if one goes undetected.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");

/** Rule → the file that breaks it, and its content. */
const planted: Readonly<Record<string, readonly [path: string, source: string]>> = {
  "pipeline-is-the-core": ["src/pipeline/knows-adapter.ts", 'import "../adapters/memory/a.ts";'],
  "pipeline-does-no-io": ["src/pipeline/reads.ts", 'import "node:fs";'],
  "pipeline-depends-on-zod-only": ["src/pipeline/packaged.ts", 'import "commander";'],
  "adapters-do-not-know-commands": [
    "src/adapters/memory/bossy.ts",
    'import "../../commands/c.ts";',
  ],
  "adapters-see-the-contract-only": [
    "src/adapters/memory/nosy.ts",
    'import "../../pipeline/engine/decide.ts";',
  ],
  "adapters-are-strangers": ["src/adapters/sqlite/friend.ts", 'import "../memory/a.ts";'],
  "only-compose-names-adapters": ["src/commands/direct.ts", 'import "../adapters/memory/a.ts";'],
  "compose-loads-adapters-lazily": ["src/commands/compose.ts", 'import "../adapters/memory/a.ts";'],
  "commands-are-strangers-to-main": ["src/commands/calls-main.ts", 'import "./main.ts";'],
  "main-loads-commands-lazily": ["src/commands/main.ts", 'import "./c.ts";'],
  "simulation-is-not-shipped": ["src/commands/plays.ts", 'import "../simulation/s.ts";'],
  "heavy-packages-load-lazily": ["src/adapters/images/eager.ts", 'import "sharp";'],
  "stand-ins-are-strangers": [
    "src/adapters/testing/deployed/familiar.ts",
    'import "../../memory/a.ts";',
  ],
  "no-cycles": [
    "src/pipeline/cycle.ts",
    'import type { B } from "./cycle-2.ts";\nexport type A = B | 1;',
  ],
  "no-orphans": ["src/pipeline/orphan.ts", "export const alone = 1;"],
  "tests-are-leaves": ["src/pipeline/leans.ts", 'import "./a.test.ts";'],
};
/** The files that the planted ones import. */
const surroundings: Readonly<Record<string, string>> = {
  "src/adapters/memory/a.ts": "export const a = 1;",
  "src/commands/c.ts": "export const c = 1;",
  "src/pipeline/engine/decide.ts": "export const d = 1;",
  "src/pipeline/a.test.ts": "export const t = 1;",
  "src/pipeline/cycle-2.ts": 'import type { A } from "./cycle.ts";\nexport type B = A | 2;',
  "src/simulation/s.ts": "export const s = 1;",
};

type Violation = { readonly from: string; readonly rule: { readonly name: string } };

const directory = mkdtempSync(join(tmpdir(), "arrows-"));
try {
  for (const [path, source] of [...Object.values(planted), ...Object.entries(surroundings)]) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), `${source}\n`);
  }
  for (const file of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"]) {
    copyFileSync(join(root, file), join(directory, file));
  }
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  const found = cruise(directory);
  const missed = rulesOf().filter(
    (rule) =>
      !found.some(
        ({ from, rule: { name } }) =>
          name === rule && (from === planted[rule]?.[0] || from.startsWith("src/pipeline/cycle")),
      ),
  );
  for (const rule of missed) console.error(`the rule ${rule} does not notice its violation`);
  console.log(`${rulesOf().length - missed.length} of ${rulesOf().length} rules bite`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function rulesOf(): readonly string[] {
  const require = createRequire(import.meta.url);
  // The shape is dependency-cruiser's own configuration.
  const { forbidden } = require("../.dependency-cruiser.cjs") as {
    forbidden: readonly { name: string }[];
  };
  return forbidden.map(({ name }) => name);
}

function cruise(cwd: string): readonly Violation[] {
  const bin = join(root, "node_modules", ".bin", "depcruise");
  const { stderr, stdout } = spawnSync(
    bin,
    ["--config", ".dependency-cruiser.cjs", "--output-type", "json", "src"],
    { cwd, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  if (stdout === "") throw new Error(`dependency-cruiser printed nothing: ${stderr}`);
  // Its documented JSON output.
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}
