// The matrix has its own configuration, so that `npm test` does not run it.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/missing-parts.ts"],
    setupFiles: ["test/support/preload.ts"],
    include: ["test/matrix/*.test.ts"],
    // One cell is built, edited in a score of ways and judged each time, partly by emulators.
    testTimeout: 1_200_000,
    maxConcurrency: 3,
  },
});
