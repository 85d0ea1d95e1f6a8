import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts"],
    exclude: ["src/**/*.e2e.test.ts", "src/**/*.int.test.ts"],
    testTimeout: 30_000,
  },
});
