// Random dependency graphs with random RPATH, RUNPATH, environment and cache, compared with the real loaders: no
// difference.
//
//     FIXELF_RESOLUTION_RUNS=5000 FIXELF_RESOLUTION_SEED=1 npx vitest run test/resolution-random.test.ts
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { resolveWith } from "../lib/addon/resolutions.js";
import { comparable, ownAnswer } from "./resolution/answer.js";
import { type Case, type FileSpec, layOut } from "./resolution/case.js";
import { ask, baseOf, furnish, type Laid } from "./resolution/judge.js";
import { machines, partsOf } from "./resolution/machines.js";
import { Foundry } from "./resolution/object.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const runs = Number(process.env.FIXELF_RESOLUTION_RUNS ?? 60);
const seed = Number(process.env.FIXELF_RESOLUTION_SEED ?? 20_261_124);
/** Laid out and judged together. */
const batch = 500;

const directories = ["/lib1", "/lib2", "/lib3", "/lib"];
const names = ["liba.so", "libb.so", "libc1.so", "libd.so", "libe.so"];
const levels = ["", "", "", "glibc-hwcaps/x86-64-v2/", "glibc-hwcaps/x86-64-v3/", "tls/"];

const name = fc.constantFrom(...names);
const place = fc.constantFrom(...directories, "/none", "$ORIGIN", "$ORIGIN/../lib2", "");
const list = fc.array(place, { minLength: 1, maxLength: 3 }).map((places) => places.join(":"));
const needed = fc.array(fc.oneof({ weight: 9, arbitrary: name }, fc.constant("/lib3/liba.so")), {
  maxLength: 4,
});
const library = fc.record(
  {
    needed,
    rpath: list,
    runpath: list,
    soname: name,
    flags1: fc.constantFrom(0, 0, 0x800),
    machine: fc.constantFrom("aarch64" as const, "i386" as const),
  },
  { requiredKeys: ["needed"], noNullPrototype: true },
);
const rarely = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.option(arbitrary, { nil: undefined, freq: 3 });
const graph = fc
  .record({
    program: fc.record(
      { needed: fc.array(name, { minLength: 1, maxLength: 4 }), rpath: list, runpath: list },
      { requiredKeys: ["needed"], noNullPrototype: true },
    ),
    libraries: fc.array(
      fc.record({
        directory: fc.constantFrom(...directories),
        level: fc.constantFrom(...levels),
        name,
        spec: fc.oneof(
          { weight: 8, arbitrary: library as fc.Arbitrary<FileSpec> },
          fc.record({
            link: fc.tuple(fc.constantFrom(...directories), name).map((p) => p.join("/")),
          }),
        ),
      }),
      { minLength: 2, maxLength: 10 },
    ),
    libraryPath: rarely(list),
    preload: rarely(name),
    ldconfig: rarely(fc.subarray(["/lib1", "/lib2", "/lib3"], { minLength: 1 })),
  })
  .map(({ program, libraries, libraryPath, preload, ldconfig }): Case => {
    const files: Case["files"] = { "/bin/program": { ...program, program: true } };
    for (const { directory, level, name, spec } of libraries) {
      const plain = (file: FileSpec) => {
        // If half of all libraries were for other machines, little would be found.
        if (typeof file === "object" && "machine" in file && name !== "libe.so") {
          const { machine: _, ...rest } = file;
          return rest;
        }
        return file;
      };
      files[`${directory}/${level}${name}`] ??= plain(spec);
    }
    return {
      title: "random",
      files,
      ...(libraryPath !== undefined && { libraryPath }),
      ...(preload !== undefined && { preload }),
      ...(ldconfig !== undefined && { ldconfig }),
    };
  });

const foundries = new Map(
  machines.map((machine) => [machine.name as string, new Foundry(machine)]),
);

for (const machine of machines.filter(({ emulator }) => emulator === null)) {
  const parts = machines.flatMap(partsOf);
  describe(`a resolution for ${machine.name}`, needs(...parts), () => {
    it(`matches the loader's in ${runs} random graphs (seed ${seed})`, async () => {
      const cases = fc.sample(graph, { seed, numRuns: runs });
      // musl maps a library for another machine, and fails later.
      if (machine.name === "musl")
        for (const file of cases.flatMap(({ files }) => Object.values(files)))
          if (typeof file === "object" && "machine" in file) delete file.machine;
      for (let from = 0; from < cases.length; from += batch) {
        const scratch = scratchDirectory();
        try {
          const laid = cases.slice(from, from + batch).map((case_, index): Laid => {
            const directory = join(scratch, `${index}.d`);
            mkdirSync(directory);
            layOut(case_, directory, baseOf(machine, directory), machine, foundries);
            furnish(case_, machine, directory);
            return { case: case_, directory };
          });
          const answers = ask(machine, laid, scratch);
          for (const [index, { case: case_, directory }] of laid.entries()) {
            const { libraryPath = "", preload = "" } = case_;
            const resolution = await resolveWith(new native.Files(directory), "/bin/program", {
              libraryPath,
              preload,
            });
            const own = ownAnswer(resolution, [machine.interpreter]);
            const theirs = answers[index];
            // musl reports what it cannot preload only where it is needed as well.
            const unordered = machine.name === "musl" && preload !== "";
            if (!theirs) throw new Error("no answer");
            expect(
              { case: case_, answer: comparable(own, unordered) },
              `run ${from + index} of seed ${seed}`,
            ).toEqual({ case: case_, answer: comparable(theirs, unordered) });
          }
        } finally {
          rmSync(scratch, { recursive: true, force: true });
        }
      }
    }, 3_600_000);
  });
}
