import { defineConfig } from "vitest/config";

// `npm test` leaves the slow proofs (`x.slow.test.ts`) to `npm run test:slow`, which CI runs too.
const isSlow = process.env["SLOW_TESTS"] === "1";

export default defineConfig({
  test: {
    include: isSlow ? ["src/**/*.slow.test.ts"] : ["src/**/*.test.ts", "scripts/**/*.test.ts"],
    exclude: isSlow ? [] : ["src/**/*.int.test.ts", "src/**/*.slow.test.ts"],
    // Tests of the binary run what the sources say now.
    globalSetup: ["scripts/build-for-tests.ts"],
    // The default leaves one core of two idle.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
