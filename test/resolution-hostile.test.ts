// Files made to keep a resolver running for ever, or to exhaust its memory: it answers, or reports
// why not.
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { edit, resolve } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

describe("a resolution of hostile files", needs("gcc"), () => {
  const directory = scratchDirectory();
  const at = (name: string) => join(directory, name);

  const library = async (name: string, needed: string[], searchPath = "$ORIGIN") => {
    compile(at(name), "", "-shared", "-nostdlib", `-Wl,-soname,${name}`);
    await edit(at(name), { addNeeded: needed, searchPath: { set: searchPath } });
    return at(name);
  };
  const found = async (path: string) =>
    (await resolve(path)).libraries.map(({ soname, path: at }) => [soname, at]);

  beforeAll(() => mkdirSync(directory, { recursive: true }));

  it("ends where libraries need one another", async () => {
    await library("libone.so", ["libtwo.so", "libone.so"]);
    await library("libtwo.so", ["libone.so", "libtwo.so"]);
    expect(await found(at("libone.so"))).toContainEqual(["libtwo.so", at("libtwo.so")]);
  });

  it("copes with 10,000 needed entries", async () => {
    const names = Array.from({ length: 10_000 }, (_, number) => `libmany${number}.so`);
    await library("libmany7777.so", []);
    const libraries = new Map(
      (await found(await library("libmany.so", names))) as [string, string][],
    );
    expect(libraries.size).toBe(10_000);
    expect(libraries.get("libmany7777.so")).toBe(at("libmany7777.so"));
    expect(libraries.get("libmany7778.so")).toBeNull();
  });

  it("copes with a RUNPATH of a megabyte", async () => {
    await library("libfar.so", []);
    const nowhere = Array.from(
      { length: 30_000 },
      (_, number) => `/nowhere/at/all/of/${number}/lib`,
    );
    expect(nowhere.join(":").length).toBeGreaterThan(800_000);
    const path = await library("liblong.so", ["libfar.so"], [...nowhere, "$ORIGIN"].join(":"));
    const { libraries } = await resolve(path);
    expect(libraries).toMatchObject([{ soname: "libfar.so", path: at("libfar.so") }]);
    // Evidence for people is limited.
    expect(libraries[0]?.tried.length).toBeLessThan(10_000);
  });

  it.each<[string, (place: string) => void, string]>([
    ["a directory", (place) => mkdirSync(place), "libdirectory.so"],
    ["a FIFO", (place) => execFileSync("mkfifo", [place]), "libfifo.so"],
    ["a link to itself", (place) => symlinkSync(place, place), "libloop.so"],
  ])("skips %s in place of a library", async (_, make, name) => {
    make(at(name));
    const path = await library(`libneeds-${name}`, [name]);
    const { libraries } = await resolve(path);
    expect(libraries).toMatchObject([{ soname: name, path: null }]);
    expect(libraries[0]?.tried.some(({ path: tried }) => tried === at(name))).toBe(true);
  });
});
