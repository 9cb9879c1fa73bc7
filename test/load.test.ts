// Answers while another process changes what the question is about, as fast as it can: everything that stays is found
// each time, and nothing is reported that never existed. How much is tried does not depend on the machine's speed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, renameSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";
import { scan } from "../lib/scan/scan.js";
import { Store } from "../lib/store/context.js";
import { storePlace } from "../lib/store/place.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { node } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

/** A process that does something over and over, until it is told to end. */
class Restless {
  /** How often it has done so. */
  times = 0;
  readonly #process;

  /** `script` is a module; it calls `done()` each time. */
  constructor(script: string, ...words: string[]) {
    const done = 'let times = 0; const done = () => process.stdout.write(++times + "\\n");';
    const [file, ...args] = node as [string, ...string[]];
    const given = [...args, "--input-type=module", "-e", done + script, "--", ...words];
    this.#process = spawn(file, given, { stdio: ["ignore", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      this.times = Number(line);
    });
  }
  /** Throws if it has ended by itself. */
  async end(): Promise<void> {
    const ended = once(this.#process, "exit");
    expect(this.#process.exitCode).toBeNull();
    this.#process.kill("SIGKILL");
    await ended;
  }
}

describe("under load", needs("gcc"), () => {
  const directory = scratchDirectory();
  const libraries = ["one", "two"].map((name) => join(directory, `lib${name}.so`));

  beforeAll(() => {
    for (const [index, library] of libraries.entries())
      compile(
        library,
        `const char room[${1 + index * 20_000}] = {1};`,
        ...["-shared", "-fPIC", "-nostdlib", `-Wl,-soname,of-${index}`],
      );
  });

  it("a scan reports each file as it was at one time", { timeout: 300_000 }, async () => {
    const turns = 700; // with four changes each
    const tree = join(directory, "tree");
    const staying = Array.from({ length: 300 }, (_, index) => join(tree, `staying-${index}`));
    mkdirSync(tree);
    for (const place of staying) {
      mkdirSync(place);
      copyFileSync(libraries[0] as string, join(place, "library"));
    }
    const restless = new Restless(
      `
      import { copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
      const [tree, beside, ...libraries] = process.argv.slice(1);
      for (let turn = 0; ; turn++) {
        // One file takes another's place, in a directory that stays; and one comes and goes with its own.
        const place = tree + "/staying-" + (turn % 300);
        copyFileSync(libraries[(turn >> 9) % 2], beside);
        renameSync(beside, place + "/changing");
        mkdirSync(place + "/coming");
        copyFileSync(libraries[turn % 2], beside);
        renameSync(beside, place + "/coming/library");
        if (turn % 3) renameSync(place + "/coming", tree + "/moved-" + turn);
        rmSync(turn % 3 ? tree + "/moved-" + turn : place + "/coming", { recursive: true });
        done();
        if (turn % 8 === 0) await new Promise(setImmediate); // lets what was said be written
      }`,
      ...[tree, join(directory, "beside"), ...libraries],
    );
    const sizes = new Map<string | null, Set<number>>();
    let scans = 0;
    while (restless.times < turns || scans < 5) {
      const seen: string[] = [];
      for await (const batch of scan([tree])) {
        expect(batch.failures).toEqual([]);
        for (const { path, soname, size } of batch) {
          seen.push(path);
          sizes.set(soname, (sizes.get(soname) ?? new Set()).add(size));
          if (/staying-\d+\/library$/.test(path)) expect(soname).toBe("of-0");
        }
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(staying.filter((place) => !seen.includes(join(place, "library")))).toEqual([]);
      scans++;
    }
    await restless.end();
    expect([...sizes.keys()].sort()).toEqual(["of-0", "of-1"]);
    for (const each of sizes.values()) expect(each.size).toBe(1);
  });

  it("a find has everything that stays in the store, beside a refresh", {
    timeout: 300_000,
  }, async () => {
    const finds = 1000;
    const place = storePlace({ root: join(directory, "root") });
    const store = join(place.root, place.store);
    const all: string[] = [];
    const add = () => {
      const name = `${String(all.length).padStart(32, "0")}-package`;
      const made = join(directory, name);
      mkdirSync(join(made, "lib"), { recursive: true });
      copyFileSync(libraries[0] as string, join(made, "lib/libone.so"));
      utimesSync(made, 1, 1); // as Nix leaves complete paths
      renameSync(made, join(store, name));
      all.push(`${place.store}/${name}/lib/libone.so`);
    };
    mkdirSync(store, { recursive: true });
    for (let index = 0; index < 5; index++) add();
    const foundBy = async (asked: Store) =>
      (await asked.providers(["libone.so"])).get("libone.so")?.providers.map(({ path }) => path);
    // It keeps reading the files that it has opened, however often others have replaced them.
    const kept = new Store(place);
    const first = (await foundBy(kept))?.sort();
    expect(first).toEqual(all);
    const restless = new Restless(
      `
      const { reportIndex, storePlace } = await import(process.argv[1]);
      for (;;) {
        await reportIndex(storePlace({ root: process.argv[2] }), { rebuild: true });
        done();
      }`,
      ...[new URL("../dist/index.js", import.meta.url).href, place.root],
    );
    for (let found = 0; found < finds || restless.times < 5; found++) {
      if (found % 50 === 0) add();
      const said = `${found} finds, ${restless.times} refreshes`;
      expect((await foundBy(new Store(place)))?.sort(), said).toEqual(all);
      expect((await foundBy(kept))?.sort(), said).toEqual(first);
    }
    await restless.end();
  });
});
