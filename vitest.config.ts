// FIXELF_TESTS chooses among the tests, for runs of another build of the same addon:
//   package   what only the package can break: how the addon is found and loaded, and each of its
//             functions once; for the prebuilt one
//   addon     all but what never reaches the addon in this process or another, and limits that leave the
//             sanitizers' own runtime too few descriptors; for the sanitizers
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { patienceOfTest } from "./test/support/patience.js";

const ofPackage = ["package", "closure", "doctor", "fix", "fix-scripts", "payloads", "refs"]
  .concat(["scan", "store", "tree", "watch", "end-to-end/nix-package"])
  .map((name) => `test/${name}.test.ts`);
const besideAddon = [
  "api",
  "contributing",
  "environment",
  "limits",
  "nixpkgs-sonames",
  "package",
  "scripts",
  "stand-in-loader",
].map((name) => `test/${name}.test.ts`);
const chosen = process.env.FIXELF_TESTS;
/** The files that match, as far as they are chosen. */
const files = (directory: RegExp, ...patterns: string[]) =>
  chosen === "package"
    ? { include: ofPackage.filter((file) => directory.test(file)) }
    : { include: patterns, exclude: chosen === "addon" ? besideAddon : [] };

export default defineConfig({
  test: {
    // vitest keeps one processor for itself, half of a small machine, and has next to nothing to do.
    // And with a worker for each processor, a fourth of their time passes while both wait for what a
    // watch or a killed process does next.
    maxWorkers: availableParallelism() + 1,
    reporters: ["default", "./test/support/missing-parts.ts"],
    setupFiles: ["test/support/preload.ts", "test/support/certificates.ts"],
    testTimeout: patienceOfTest,
    hookTimeout: patienceOfTest,
    projects: [
      {
        extends: true,
        test: {
          name: "parts",
          setupFiles: ["test/support/scratch.ts"],
          ...files(/^test\/[^/]*$/, "test/*.test.ts"),
        },
      },
      {
        extends: true,
        test: {
          name: "world",
          ...files(/end-to-end/, "test/end-to-end/*.test.ts", "test/world/*.test.ts"),
          globalSetup: ["test/world/global-setup.ts"],
        },
      },
    ],
  },
});
