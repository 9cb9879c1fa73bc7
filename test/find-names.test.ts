// The names that find takes.
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
    ["a soname in other case", "LibZ.SO.1", ["libz.so.1"]],
    ["a soname that only nixpkgs has, in other case", "libgl.so.1", ["libGL.so.1"]],
    ["a path, as ldd prints it", "/usr/lib64/libz.so.1", ["libz.so.1"]],
    ["a library's name", "libz", stored],
    ["a library's name without lib", "z", stored],
    ["a pattern", "libz.so*", stored],
    ["a pattern of one character", "libz?.so.?", ["libzz.so.7"]],
    ["a package's name", "zlib", ["libz.so.1"]],
    ["a package's former name", "xorg.libSM", ["libSM.so.6"]],
    ["a name that only nixpkgs has", "libturbojpeg", ["libturbojpeg.so.0"]],
    ["a pattern that only nixpkgs has", "libicuuc.so.7[67]", ["libicuuc.so.76", "libicuuc.so.77"]],
    ["a library's name in other case", "LIBZ", stored],
    ["a library's name without lib in other case", "sm", ["libSM.so.6"]],
    ["a package's name in other case", "ZLIB", ["libz.so.1"]],
    [
      "a package's name with the case of another library's",
      "SDL2_image",
      ["libSDL2_image-2.0.so.0"],
    ],
    ["a word that nobody has", "neverheard", ["neverheard"]],
    ["the start of another word", "lib", ["lib"]],
  ])("takes %s", async (_, name, sonames) => {
    expect(await asked(name)).toEqual(sonames);
  });

  it("matches patterns in a filter like those it takes", () => {
    expect(["a.so.60", "a.so.61", "a.so.77"].filter(glob("*.so.7?"))).toEqual(["a.so.77"]);
  });

  it("shows only the name that programs need if one file has several", () => {
    const words = ["find", "zlib", "libz", "libz*", "--root", root, "--no-index", "--json"];
    const { sonames } = JSON.parse(fixelf(words).stdout);
    expect(sonames).toMatchObject([{ soname: "libz.so.1", packages: [] }]);
    expect(sonames[0].providers).toHaveLength(1);
  });

  const find = (...names: string[]) =>
    fixelf(["find", ...names, "--root", root, "--no-index"]).stdout;

  it("takes a symbol version for its library, beside the library alone", () => {
    const words = ["find", "GLIBC_2.38", "libc.so.6", "ZLIB_1.2.9", "--root", root, "--no-index"];
    const { sonames } = JSON.parse(fixelf([...words, "--json"]).stdout);
    expect(sonames).toMatchObject([
      { soname: "libc.so.6", symbolVersion: "GLIBC_2.38", since: "glibc 2.38 or newer" },
      { soname: "libc.so.6", packages: [{ attribute: "glibc" }] },
      { soname: "libz.so.1", symbolVersion: "ZLIB_1.2.9" },
    ]);
    expect(sonames[1]).not.toHaveProperty("symbolVersion");
    expect(find("GLIBC_2.38")).toContain("libc.so.6 with GLIBC_2.38\n");
  });

  it("names no package if no known release defines the version", () => {
    expect(find("GLIBC_9.99")).toMatch(/no known glibc defines it \([\d.]+ is the newest\)\n$/);
  });
  it("refuses an empty symbol version", () => {
    const { code, stderr } = fixelf(["find", "--symbol-version", "", "--root", root]);
    expect([code, stderr]).toEqual([2, "fixelf: --symbol-version is empty\n"]);
  });

  it("reports that no package has the driver's own libraries", () => {
    for (const name of [
      "libcuda.so.1",
      "libnvidia-ml.so.1",
      "libnvoptix.so.1",
      "libGLX_nvidia.so.0",
    ])
      expect(find(name)).toContain(
        `${name} comes with the graphics driver, not with a package (on NixOS it is in /run/opengl-driver/lib with services.xserver.videoDrivers = [ "nvidia" ])`,
      );
    // Packages with a similar name.
    expect(find("libcudart.so.12")).toContain("cuda_cudart");
  });

  it("tells which package is for programs built for musl", () => {
    const told = find("libsodium.so.23", "libgmp.so.10").split("\n");
    expect(told.filter((line) => line.includes("musl"))).toEqual([
      "for a program that is built for musl: pkgsMusl (nixpkgs#pkgsMusl.libsodium)",
    ]);
    expect(find("libc.so.6", "libneverheard.so.1")).not.toContain("musl");
  });
});
