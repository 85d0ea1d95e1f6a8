import { defineConfig } from "vitest/config";

// The tests beside the code that `npm run mutate` changes: in process and quick. A child process would not
// see a mutant, and the journal's model takes a quarter of a minute.
export default defineConfig({
  test: {
    include: ["src/pipeline/{engine,delivery}/*.test.ts", "src/adapters/sqlite/*.test.ts"],
    exclude: ["src/adapters/sqlite/{processes,journal-model}.test.ts"],
    setupFiles: ["scripts/quick-properties.ts"],
    testTimeout: 60_000,
  },
});
