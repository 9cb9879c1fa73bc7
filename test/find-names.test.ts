// The names that find is asked by.
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { askedNames } from "../lib/cli/asked_names.js";
import { glob } from "../lib/scan/glob.js";
import { Store } from "../lib/store/context.js";
import { storePlace } from "../lib/store/place.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { storePath } from "./support/store.js";

describe("find", needs("gcc"), () => {
  const root = scratchDirectory();
  const asked = (name: string) =>
    askedNames(name, new Store(storePlace({ root }), { index: false }));

  beforeAll(() => {
    const lib = join(root, storePath("zlib-1.3.1"), "lib");
    compile(join(lib, "libz.so.1.3.1"), "", "-shared", "-fPIC", "-Wl,-soname,libz.so.1");
    symlinkSync("libz.so.1.3.1", join(lib, "libz.so.1"));
    symlinkSync("libz.so.1", join(lib, "libz.so"));
    writeFileSync(join(lib, "libzz.so.7"), "no ELF file");
  });

  const stored = ["libz.so", "libz.so.1", "libz.so.1.3.1"];
  it.each([
    ["a soname as it is", "libz.so.1", ["libz.so.1"]],
    ["a soname that nobody has", "libneverheard.so.1", ["libneverheard.so.1"]],
    ["a library's name", "libz", stored],
    ["a library's name without lib", "z", stored],
    ["a pattern", "libz.so*", stored],
    ["a pattern of one character", "libz?.so.?", ["libzz.so.7"]],
    ["a package's name", "zlib", ["libz.so.1"]],
    ["a package's former name", "xorg.libSM", ["libSM.so.6"]],
    ["a name that only nixpkgs has", "libturbojpeg", ["libturbojpeg.so.0"]],
    ["a pattern that only nixpkgs has", "libicuuc.so.7[67]", ["libicuuc.so.76", "libicuuc.so.77"]],
    ["a word that nobody has", "neverheard", ["neverheard"]],
    ["the start of another word", "lib", ["lib"]],
  ])("takes %s", async (_, name, sonames) => {
    expect(await asked(name)).toEqual(sonames);
  });

  it("matches in a filter as by itself", () => {
    expect(["a.so.60", "a.so.61", "a.so.77"].filter(glob("*.so.7?"))).toEqual(["a.so.77"]);
  });

  it("shows of several names of one file the one that programs need", () => {
    const words = ["find", "zlib", "libz", "libz*", "--root", root, "--no-index", "--json"];
    const { sonames } = JSON.parse(fixelf(words).stdout);
    expect(sonames).toMatchObject([{ soname: "libz.so.1", packages: [] }]);
    expect(sonames[0].providers).toHaveLength(1);
  });
});
