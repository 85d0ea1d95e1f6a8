import { defineConfig } from "vitest/config";

// What `npm run mutate` lets count: the tests beside the code that it changes, the ones of the services that run
// on it, and a few seeds of the simulation; all in process and quick. A child process would not see a mutant.
export default defineConfig({
  test: {
    include: [
      "src/pipeline/{engine,delivery,http,services,steps}/**/*.test.ts",
      "src/adapters/sqlite/*.test.ts",
      "src/simulation/few-seeds.mutate.ts",
    ],
    exclude: ["src/adapters/sqlite/processes.test.ts"],
    setupFiles: ["scripts/quick-properties.ts"],
    testTimeout: 60_000,
  },
});
