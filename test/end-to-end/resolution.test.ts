// Every ELF file of the store, and of the foreign programs before and after they are fixed,
// compared with each loader of the store that could be started with it: no difference.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Facts, Loader, Resolution } from "../../lib/index.js";
import {
  askEach,
  compare,
  type Fit,
  fitOf,
  fits,
  isLoadable,
  linesOf,
  type Question,
} from "../resolution/files.js";
import { needs } from "../support/needs.js";
import { openWorld, type ProgramName, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const programs: ProgramName[] = [
  "cpython",
  "node",
  "biome",
  "postgres",
  "utf-8-validate",
  "bun",
  "deno",
];

/** Several thousand starts of a loader, in milliseconds. */

describe("every ELF file of the test world", needs("test world"), () => {
  let world: World;
  let loaders: (Loader & Fit)[];
  let everything: string;

  beforeAll(async () => {
    world = await openWorld();
    const { document } = await world.fixelfJson<{ loaders: (Loader & Fit)[] }>(["loaders"]);
    loaders = document.loaders;
    everything = Object.values(world.store)
      .map((path) => `${path}/lib`)
      .join(":");
    for (const name of programs) await world.copyProgram(name);
  });
  afterAll(() => world?.dispose());

  /** The files below a place that some loader opens. */
  async function loadableBelow(inside: string): Promise<Facts[]> {
    const { stdout } = await world.fixelf(["scan", inside, "--json"]);
    const rows = stdout.split("\n").map((line) => JSON.parse(line) as Facts);
    const loadable = rows.filter(isLoadable);
    const orphans = loadable.filter((facts) => loadersFor(facts).length === 0);
    console.log(
      `${inside}: ${rows.length} ELF files; ${rows.length - loadable.length} of them are static or ` +
        `no programs, and for ${orphans.length} there is no loader`,
    );
    return loadable.filter((facts) => !orphans.includes(facts));
  }

  function loadersFor(facts: Facts): string[] {
    return loaders.filter((loader) => fits(loader, fitOf(facts))).map(({ path }) => path);
  }

  /** Pairs every file with each loader that fits it, and with each LD_LIBRARY_PATH. */
  function questionsAbout(
    files: readonly Facts[],
    libraryPaths: (loader: string) => string[],
  ): Question[] {
    return files.flatMap((facts) =>
      loadersFor(facts).flatMap((loader) =>
        libraryPaths(loader).map((libraryPath) => ({ file: facts.path, loader, libraryPath })),
      ),
    );
  }

  /** None, the loader's own libc, and all libraries of the store. */
  const eachLibraryPath = (loader: string) => ["", dirname(loader), everything];

  async function expectAgreement(questions: readonly Question[]): Promise<{ told: number }> {
    const own = world.host("/tmp/own.json");
    writeFileSync(world.host("/tmp/questions.json"), JSON.stringify(questions));
    writeFileSync(world.host("/tmp/questions"), linesOf(questions));
    writeFileSync(world.host("/tmp/ask"), askEach);
    await world.shell(
      `rm -rf /tmp/answers && mkdir /tmp/answers
       node ${join(checkout, "test/end-to-end/resolve-each.mjs")} ${join(checkout, "dist/index.js")} \
         /tmp/questions.json /tmp/own.json
       env -i /bin/sh -c "$(cat /tmp/ask)" /tmp/answers </tmp/questions`,
    );
    const outputs = questions.map((_, index) =>
      readFileSync(world.host(`/tmp/answers/${index}.out`), "utf8"),
    );
    const resolutions = JSON.parse(readFileSync(own, "utf8")) as Resolution[];
    const { differences, untold } = compare(questions, resolutions, outputs);
    console.log(`${questions.length} questions, ${untold} of which the loaders did not answer`);
    // The first few are enough to read.
    expect(differences.slice(0, 3)).toEqual([]);
    return { told: questions.length - untold };
  }

  it("in the store", async () => {
    const files = await loadableBelow("/nix/store");
    expect(files.length).toBeGreaterThan(1000);
    const { told } = await expectAgreement(questionsAbout(files, eachLibraryPath));
    expect(told).toBeGreaterThan(10_000);
  });

  it("in the programs, as they come", async () => {
    const files = await loadableBelow("/home/user");
    expect(files.length).toBeGreaterThan(100);
    const { told } = await expectAgreement(questionsAbout(files, eachLibraryPath));
    expect(told).toBeGreaterThan(1000);
  });

  it("in the programs, once fixed", async () => {
    const fixed = new Set<string>();
    for (const name of programs) {
      const { document } = await world.fixelfJson<FixDocument>(["fix", `/home/user/${name}`]);
      for (const { path, outcome } of document.files) if (outcome === "fixed") fixed.add(path);
    }
    expect(fixed.size).toBeGreaterThan(10);
    const files = await loadableBelow("/home/user");
    const known = loaders.map(({ path }) => path);
    const named = files.filter(({ interpreter }) => known.includes(interpreter ?? ""));
    console.log(`${fixed.size} files were fixed; ${named.length} name a loader of the store`);
    expect(named.length).toBeGreaterThan(5);
    const { told } = await expectAgreement(questionsAbout(files, () => [""]));
    expect(told).toBeGreaterThan(100);
  });
});
