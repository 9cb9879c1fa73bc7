// The corpus has its own configuration, so that `npm test` does not fetch it.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/missing-parts.ts"],
    setupFiles: ["test/support/preload.ts"],
    include: ["test/corpus/*.test.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
  },
});
