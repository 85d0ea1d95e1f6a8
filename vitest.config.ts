import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts"],
    exclude: ["src/**/*.int.test.ts"],
    // Tests of the binary run what the sources say now.
    globalSetup: ["scripts/build-for-tests.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
