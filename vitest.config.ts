// FIXELF_TESTS selects among the tests, for runs against another build of the same addon:
//   compiled  those that name the C compiler or namespaces; for a second run that differs from the first in these
//             (test/all)
//   package   those for what only the package can break: how the addon is found and loaded, and each of its
//             functions once; for the prebuilt one
//   addon     all except those that never reach the addon in this process or another, those that leave the sanitizers'
//             own runtime too few descriptors, or no /proc, and kills, which exercise no error path; for the sanitizers
//   rest      what `addon` leaves out or runs only in part, and the world; for a run after the sanitizers' (test/all)
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longest-first.js";
import { patienceOfTest } from "./test/support/patience.js";

const compiled = readdirSync("test")
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => `test/${name}`)
  .filter((file) => /"gcc"|namespaces/.test(readFileSync(file, "utf8")));
const ofPackage = ["package", "closure", "doctor", "fix", "fix-scripts", "payloads", "refs"]
  .concat(["scan", "store", "tree", "watch", "end-to-end/nix-package"])
  .map((name) => `test/${name}.test.ts`);
const besideAddon = [
  "api",
  "contributing",
  "environment",
  "kills",
  "limits",
  "nixpkgs-sonames",
  "no-addon",
  "no-proc",
  "package",
  "scripts",
  "stand-in-loader",
].map((name) => `test/${name}.test.ts`);
// With the sanitizers it forces errors, but does not kill.
const inPart = ["test/faults.test.ts"];

const all = {
  parts: { include: ["test/*.test.ts"] },
  world: { include: ["test/end-to-end/*.test.ts", "test/world/*.test.ts"] },
};
const choices: Record<
  string,
  Record<keyof typeof all, { include: string[]; exclude?: string[] }>
> = {
  compiled: { parts: { include: compiled }, world: { include: [] } },
  package: {
    parts: { include: ofPackage.filter((file) => !file.includes("end-to-end")) },
    world: { include: ofPackage.filter((file) => file.includes("end-to-end")) },
  },
  addon: { ...all, parts: { ...all.parts, exclude: besideAddon } },
  rest: { ...all, parts: { include: [...besideAddon, ...inPart] } },
};
const { parts, world } = choices[process.env.FIXELF_TESTS ?? "all"] ?? all;

export default defineConfig({
  test: {
    // vitest reserves one processor for itself, half of a small machine, and has next to nothing to do. And with one
    // worker per processor, a fourth of their time passes while both wait for what a watch or a killed process does
    // next.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
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
          ...parts,
        },
      },
      {
        extends: true,
        test: {
          name: "world",
          ...world,
          globalSetup: ["test/world/global-setup.ts"],
        },
      },
    ],
  },
});
