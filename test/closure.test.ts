// What a program needs from a store, with a store of a few libraries, without Nix.
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { closure } from "../lib/closure/closure.js";
import { immediateDominators } from "../lib/closure/dominators.js";
import { findNeverLoaded } from "../lib/closure/never_loaded.js";
import type { PathInfo } from "../lib/store/nix.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

describe("dominators", () => {
  /** The nodes that can still be reached when one is removed. */
  const reachable = (graph: number[][], without: number): Set<number> => {
    const seen = new Set<number>();
    const visit = (node: number) => {
      if (node === without || seen.has(node)) return;
      seen.add(node);
      for (const next of graph[node] ?? []) visit(next);
    };
    visit(0);
    return seen;
  };

  it("are the nodes that every path leads through", () => {
    const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
      fc.array(fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 4 }), {
        minLength: size,
        maxLength: size,
      }),
    );
    fc.assert(
      fc.property(graphs, (graph) => {
        const found = immediateDominators("0", (node) => (graph[Number(node)] ?? []).map(String));
        const all = reachable(graph, -1);
        expect(new Set(found.keys())).toEqual(new Set([...all].map(String)));
        for (const node of all) {
          const above = new Set<number>();
          for (let at = found.get(String(node)); at != null; at = found.get(at))
            above.add(Number(at));
          const cut = [...all].filter(
            (other) => other !== node && !reachable(graph, other).has(node),
          );
          expect(above).toEqual(new Set(cut));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("are found along a chain that is longer than the stack", () => {
    const length = 200_000;
    const found = immediateDominators("0", (node) =>
      Number(node) < length ? [String(Number(node) + 1)] : [],
    );
    expect(found.size).toBe(length + 1);
    expect(found.get(String(length))).toBe(String(length - 1));
  });
});

describe("paths that are never loaded", () => {
  const info = (path: string, references: string[]): [string, PathInfo] => [
    path,
    { path, references, narSize: 1, deriver: null },
  ];

  it("free what only they refer to, but nothing that is needed", () => {
    const graph = new Map([
      info("top", ["top", "used", "docs"]),
      info("used", ["shared"]),
      info("docs", ["pictures", "shared", "fonts"]),
      info("pictures", ["fonts", "elsewhere"]),
      info("fonts", ["loaded"]),
      info("shared", []),
      info("loaded", []),
    ]);
    const sizes: Record<string, number> = { docs: 1, pictures: 10, fonts: 100, shared: 1000 };
    const needed = new Set(["top", "used", "loaded"]);
    expect(findNeverLoaded("top", graph, needed, (path) => sizes[path] ?? 5000)).toEqual([
      { path: "shared", size: 1000, frees: 1000, referredToBy: ["docs", "used"] },
      { path: "docs", size: 1, frees: 111, referredToBy: ["top"] },
      { path: "fonts", size: 100, frees: 100, referredToBy: ["docs", "pictures"] },
      { path: "pictures", size: 10, frees: 10, referredToBy: ["docs"] },
    ]);
  });
});

describe("a program's closure", needs("gcc"), () => {
  const root = scratchDirectory();
  const at = (letter: string, name: string) => `/nix/store/${letter.repeat(32)}-${name}`;
  const program = at("a", "program-1");
  const first = at("b", "first-1");
  const second = at("c", "second-1");
  const views = at("d", "views-1");
  const environment = at("f", "environment");

  const build = (path: string, source: string, ...options: string[]) => {
    compile(join(root, path), source, "-nostdlib", "-fPIC", ...options);
  };
  const library = (path: string, name: string, source: string, ...options: string[]) =>
    build(`${path}/lib/${name}`, source, "-shared", `-Wl,-soname,${name}`, ...options);
  const from = (path: string, name: string) => [
    join(root, path, "lib", name),
    "-Wl,--enable-new-dtags",
    `-Wl,-rpath,${path}/lib`,
  ];

  beforeAll(() => {
    library(second, "libsecond.so", "int second(void) { return 2; }");
    library(
      first,
      "libfirst.so",
      "int second(void); int first(void) { return second(); }",
      ...from(second, "libsecond.so"),
    );
    // The program finds its first library through a link in another store path.
    mkdirSync(join(root, views, "lib"), { recursive: true });
    symlinkSync(`${first}/lib/libfirst.so`, join(root, views, "lib/libfirst.so"));
    build(
      `${program}/bin/program`,
      "int first(void); void _start(void) { first(); }",
      join(root, first, "lib/libfirst.so"),
      "-Wl,--allow-shlib-undefined",
      `-Wl,--dynamic-linker,${second}/lib/libsecond.so`,
      "-Wl,--enable-new-dtags",
      `-Wl,-rpath,${views}/lib`,
    );
    library(
      program,
      "libplugin.so",
      "int gone(void); int plugin(void) { return gone(); }",
      "-Wl,--no-as-needed",
      ...from(second, "libsecond.so"),
    );
    mkdirSync(join(root, environment, "bin"), { recursive: true });
    symlinkSync(`${program}/bin/program`, join(root, environment, "bin/program"));
    symlinkSync("/home", join(root, environment, "home"));
    symlinkSync(environment, join(root, environment, "circle"));
    // Counted once, under whichever name.
    writeFileSync(join(root, views, "large"), Buffer.alloc(100_000));
    linkSync(join(root, views, "large"), join(root, views, "large-too"));
    linkSync(join(root, views, "large"), join(root, second, "large"));
    mkdirSync(join(root, "home"));
    execFileSync("cp", [join(root, program, "bin/program"), join(root, "home/program")]);
  });

  const pathsOf = ({ needed }: Awaited<ReturnType<typeof closure>>) =>
    needed.map(({ path }) => path).sort();

  it("has what the loader opens, and what it passes through to get there", async () => {
    const answer = await closure(`${program}/bin/program`, { root });
    expect(answer).toMatchObject({ storePath: program, examined: 1, notFound: [], outside: [] });
    expect(pathsOf(answer)).toEqual([program, first, second, views]);
    const files = Object.fromEntries(answer.needed.map(({ path, files }) => [path, files]));
    expect(files).toEqual({
      [program]: [],
      [views]: [`${views}/lib/libfirst.so`],
      [first]: [`${views}/lib/libfirst.so`],
      [second]: [`${second}/lib/libsecond.so`],
    });
  });

  it("reports when Nix has not recorded any", async () => {
    const answer = await closure(program, { root });
    expect(answer).toMatchObject({ recorded: null, neverLoaded: [], unprotected: [] });
    expect(answer.whyUnknown).toContain("no Nix database");
  });

  it("measures what Nix does not know, hard links once", async () => {
    const { needed, neededSize } = await closure(program, { root });
    expect(needed.map(({ measured }) => measured)).toEqual(needed.map(() => "disk"));
    const large = needed.filter(({ bytes }) => bytes >= 100_000);
    expect(large.length).toBe(1);
    expect(large[0]?.bytes).toBeLessThan(200_000);
    expect(neededSize).toBe(needed.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(neededSize).toBeLessThan(200_000);
  });

  it("covers all of a store path", async () => {
    const answer = await closure(program, { root });
    expect(answer).toMatchObject({ storePath: program, examined: 2 });
    expect(pathsOf(answer)).toEqual([program, first, second, views]);
  });

  it("covers what an environment links to", async () => {
    const answer = await closure(environment, { root });
    expect(pathsOf(answer)).toEqual([program, first, second, views, environment]);
    expect(answer.needed.find(({ path }) => path === program)?.files).toEqual([
      `${program}/bin/program`,
    ]);
  });

  it("does not exist outside the store, but what is loaded is reported", async () => {
    const answer = await closure("/home/program", { root });
    expect(answer).toMatchObject({ storePath: null, recorded: null });
    expect(answer.whyUnknown).toContain("not in a store path");
    expect(pathsOf(answer)).toEqual([first, second, views]);
  });

  it("names what is not found", async () => {
    rmSync(join(root, second, "lib/libsecond.so"));
    const answer = await closure(`${program}/bin/program`, { root });
    expect(answer.notFound).toEqual([
      { soname: `${second}/lib/libsecond.so`, neededBy: `${program}/bin/program` },
      { soname: "libsecond.so", neededBy: `${views}/lib/libfirst.so` },
    ]);
    expect(pathsOf(answer)).toEqual([program, first, views]);
  });

  it("cannot be asked for a file that is not ELF", async () => {
    await expect(closure(`${views}/large`, { root })).rejects.toMatchObject({ code: "not-elf" });
    await expect(closure(`${root}/gone`, { root })).rejects.toMatchObject({ code: "not-found" });
  });
});
