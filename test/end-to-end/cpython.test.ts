// A program most of whose needs are those of modules that it loads at run time.
import { basename } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";
import {
  expectFixedForGood,
  expectHealthy,
  expectNoStart,
  findings,
  fix,
  undo,
  written,
} from "./life.js";

inEachRoot("Debian's CPython", (loader) => {
  let world: World;
  let tree: string;
  let program: string;
  let original: string;
  let changed: string[];
  // What Python compiles would be new files in the tree.
  const environment = { PYTHONDONTWRITEBYTECODE: "1" };

  beforeAll(async () => {
    world = await openWorld(loader);
    tree = await world.copyProgram("cpython");
    program = `${tree}/usr/bin/python3.11`;
    original = await world.sha256(tree);
  });
  afterAll(() => world?.dispose());

  it("does not start, not even through nix-ld, which has no libexpat", () =>
    expectNoStart(world, program));

  it("is fixed along with its modules", async () => {
    const document = await fix(world, tree);
    changed = written(document);
    expect(changed).toContain(program);
    await expectHealthy(world, program);
    // Modules that can also be executed name a python3 that this package lacks.
    const left = Object.entries(await findings(world, tree));
    expect(left.filter(([path]) => !/\.py$|\/pygettext/.test(path))).toEqual([]);
    expect(new Set(left.flatMap(([, codes]) => codes))).toEqual(
      new Set(["script-interpreter-missing"]),
    );
  });

  it("imports modules that need libraries from the store", async () => {
    const script = [
      "import warnings; warnings.simplefilter('ignore')",
      "import ssl, crypt, sqlite3",
      "print(ssl.OPENSSL_VERSION.split()[0])",
      "print(crypt.crypt('secret', '$6$salt').startswith('$6$salt$'))",
      "print(sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()[0])",
    ].join("\n");
    expect(await world.check([program, "-c", script], { environment })).toBe("OpenSSL\nTrue\n42");
  });

  it("imports every module that it came with", async () => {
    const script = [
      "import glob, importlib, os, sys, warnings; warnings.simplefilter('ignore')",
      `modules = {os.path.basename(file).split('.')[0] for file in glob.glob('${tree}/usr/lib/python3.11/lib-dynload/*.so')}`,
      "for module in sorted(modules): importlib.import_module(module)",
      "print(len(modules) > 30)",
    ].join("\n");
    expect(await world.check([program, "-c", script], { environment })).toBe("True");
  });

  it("is not written a second time", () => expectFixedForGood(world, tree));

  it("is the original again once undone", async () => {
    await undo(world, changed);
    expect(await world.sha256(tree)).toBe(original);
  });

  it("keeps a stand-in that can start it, if that is requested, with one glibc", async () => {
    const flags = ["fix", "--keep-stand-in", tree];
    const { exitCode, document } = await world.fixelfJson<FixDocument>(flags);
    expect(exitCode).toBe(0);
    const edits = document.files.flatMap((file) => file.edits);
    // The other stand-in's loader belongs to a glibc whose C library it does not have.
    const set = edits.filter(({ what }) => what === "interpreter").length;
    expect(set).toBe(loader === "nix-ld" ? 0 : 1);
    const paths = edits.flatMap(({ to }) => to.match(/[^:/]*-glibc-[^:/]*/g) ?? []);
    expect(new Set(paths)).toEqual(new Set([basename(world.store["glibc-trixie"] ?? "")]));
    const script = "import ssl, sqlite3, readline; print(6 * 7)";
    expect(await world.check([program, "-c", script], { environment })).toBe("42");
  });
});
