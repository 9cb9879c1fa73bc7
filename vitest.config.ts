import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/missing-parts.ts"],
    setupFiles: ["test/support/preload.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "parts",
          setupFiles: ["test/support/preload.ts", "test/support/cache.ts"],
          include: ["test/*.test.ts"],
          // Compilers for other machines, and qemu, take their time.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "world",
          include: ["test/end-to-end/*.test.ts", "test/world/*.test.ts"],
          globalSetup: ["test/world/global-setup.ts"],
          // A real Nix store and namespaces: what takes minutes here is not a hang.
          testTimeout: 180_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
