import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Four suites. `npm test`: everything but the slow proofs and what needs servers. `npm run test:slow`: these proofs
// (`x.slow.test.ts`). `npm run test:int`: the adapters on real servers (`x.int.test.ts`). And `npm run test:unit`, for whoever changes one thing: no binary, no child process, no network of neurons, and fewer
// random cases.
const suite = process.env["SUITE"] ?? "all";

const slow = "{src,scripts}/**/*.slow.test.ts";
const integration = "src/**/*.int.test.ts";
const endToEnd = "src/**/*.e2e.test.ts";
const takesLong = [
  "src/commands/**/*.test.ts",
  "src/simulation/**/*.test.ts",
  "src/adapters/local-vision/vision.test.ts",
  "src/adapters/google-vision/annotator.test.ts",
  "src/adapters/sqlite/{journal-model,pictures,processes,runners,state}.test.ts",
  "src/pipeline/services/comparison/stored-machines.test.ts",
];
const setups: Readonly<Record<string, string[]>> = {
  unit: [],
  int: ["scripts/servers-for-tests.ts", "scripts/build-for-tests.ts"],
};
const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

/** Its files share their modules: loading them anew for each takes longer than the tests. */
const unit = {
  ...timeouts,
  name: "unit",
  include: ["src/**/*.test.ts"],
  exclude: [slow, integration, endToEnd, ...takesLong],
  setupFiles: suite === "unit" ? ["scripts/quick-properties.ts"] : [],
  isolate: false,
};
const whole = {
  ...timeouts,
  name: "whole",
  include: [endToEnd, ...takesLong, "scripts/**/*.test.ts"],
  exclude: [slow, integration],
};

export default defineConfig({
  test: {
    // Tests of the binary run what the sources say now.
    globalSetup: setups[suite] ?? ["scripts/build-for-tests.ts"],
    // In `npm test` some tests only wait, for a pause or a timeout; one more worker than cores uses that time.
    maxWorkers: availableParallelism() + (suite === "all" ? 1 : 0),
    projects: projectsOf(suite).map((test) => ({ test })),
  },
});

function projectsOf(name: string) {
  switch (name) {
    case "unit":
      return [unit];
    case "int":
      return [{ ...timeouts, name: "int", include: [integration], fileParallelism: false }];
    case "slow":
      return [{ ...timeouts, name: "slow", include: [slow] }];
    default:
      return [whole, unit];
  }
}
