import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    setupFiles: ["test/support/preload.ts"],
    projects: [
      {
        extends: true,
        test: { name: "parts", include: ["test/**/*.test.ts"], exclude: ["test/world/**"] },
      },
      {
        extends: true,
        test: {
          // A real Nix store, namespaces, qemu: what takes minutes here is not a hang.
          name: "world",
          include: ["test/world/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
