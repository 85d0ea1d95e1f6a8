import { defineConfig } from "vitest/config";

// Three suites. `npm test`: everything but the slow proofs. `npm run test:slow`: these (`x.slow.test.ts`). And
// `npm run test:unit`, for whoever changes one thing: no binary, no child process, no network of neurons, fewer
// random cases, and files that share their modules.
const suite = process.env["SUITE"] ?? "all";

const takesLong = [
  "src/commands/**",
  "src/simulation/**",
  "src/adapters/local-vision/vision.test.ts",
  "src/adapters/google-vision/annotator.test.ts",
  "src/adapters/sqlite/{journal-model,pictures,processes,runners,state}.test.ts",
  "src/pipeline/services/comparison/stored-machines.test.ts",
];

const slow = { include: ["{src,scripts}/**/*.slow.test.ts"], exclude: [] };
const all = {
  include: ["src/**/*.test.ts", "scripts/**/*.test.ts"],
  exclude: ["src/**/*.int.test.ts", "{src,scripts}/**/*.slow.test.ts"],
};
const unit = {
  include: ["src/**/*.test.ts"],
  exclude: [...all.exclude, "src/**/*.e2e.test.ts", ...takesLong],
  setupFiles: ["scripts/quick-properties.ts"],
  isolate: false,
};

export default defineConfig({
  test: {
    ...(suite === "slow" ? slow : suite === "unit" ? unit : all),
    // Tests of the binary run what the sources say now.
    globalSetup: suite === "unit" ? [] : ["scripts/build-for-tests.ts"],
    // The default leaves one core of two idle.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
