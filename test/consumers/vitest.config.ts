// The consumers' tests have their own configuration: they need the package as npm packs it, with
// what `npm run prebuild` makes.
import { defineConfig } from "vitest/config";
import { patienceOfTest } from "../support/patience.js";

export default defineConfig({
  test: {
    setupFiles: ["test/support/preload.ts", "test/support/scratch.ts"],
    include: ["test/consumers/*.test.ts"],
    testTimeout: patienceOfTest,
    hookTimeout: patienceOfTest,
  },
});
