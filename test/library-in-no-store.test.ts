// A program that needs what no store path has: what fix, doctor and env say of it.
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { isPackaged, packaged } from "../lib/environment/packages.js";
import { diagnose, environment, plan } from "../lib/index.js";
import { nixosText } from "../lib/report/environment/nixos.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot } from "./support/store.js";

describe("a library that no store path has", needs("gcc"), () => {
  const root = new NixosRoot();
  const options = { root: root.path, index: false };
  const nobody = async () => null;

  function program(name: string, sonames: readonly string[]): string {
    const stubs = scratchDirectory();
    const libraries = sonames.map((soname) => join(stubs, soname));
    for (const [at, library] of libraries.entries()) {
      const soname = `-Wl,-soname,${basename(library)}`;
      compile(library, `int needed_${at}(void) { return 0; }`, "-shared", "-fPIC", soname);
    }
    const calls = sonames.map((_, at) => `needed_${at}()`);
    const declared = calls.map((call) => `int ${call.replace("()", "(void)")};`).join(" ");
    const source = `${declared} int main(void) { return ${["0", ...calls].join(" + ")}; }`;
    return compile(root.in(name), source, ...libraries);
  }

  it("is refused by fix, with its package", async () => {
    const path = program("legacy", ["libcrypt.so.1"]);
    const [file] = (await plan([path], options)).files;
    expect(file?.refusal?.message).toContain(
      "libcrypt.so.1 is in nixpkgs#libxcrypt-legacy (nix build nixpkgs#libxcrypt-legacy)",
    );
  });
  it("is told by doctor, with its package", async () => {
    const [diagnosis] = await diagnose([program("told", ["libcrypt.so.1"])], options);
    const finding = diagnosis?.findings.find(({ code }) => code === "library-missing");
    expect(finding?.evidence).toContain("no store path here provides libcrypt.so.1");
    expect(finding?.remedy).toMatch(
      /^libcrypt\.so\.1 is in nixpkgs#libxcrypt-legacy \(nix build nixpkgs#libxcrypt-legacy\), then: fixelf fix /,
    );
  });
  it("is in a Nix text by its package", async () => {
    const found = await environment([program("both", ["libcrypt.so.1", "libSM.so.6"])], options);
    expect(found.systems).toEqual([]);
    expect(found.problems.map(isPackaged)).toEqual([true]);
    const text = nixosText(await packaged(found, "/nix/store", nobody));
    expect(text).toContain(
      "++ [\n    pkgs.libxcrypt-legacy\n    (pkgs.libsm or pkgs.xorg.libSM)\n  ];",
    );
  });
  it("is named in a Nix text where no package is known", async () => {
    const path = program("unknown", ["libcrypt.so.1", "libneverheard.so.3"]);
    const found = await environment([path], options);
    expect(found.problems.map(isPackaged)).toEqual([false]);
    const text = nixosText(await packaged(found, "/nix/store", nobody));
    expect(text).toContain("\n# no package is known for libneverheard.so.3\n");
    expect(text).toContain("++ [\n    pkgs.libxcrypt-legacy\n  ];");
  });
  it("is said to be removed from nixpkgs in a Nix text, with what replaced it", async () => {
    const path = program("removed", ["libcrypt.so.1", "libsoup-2.4.so.1", "libsodium.so.23"]);
    const text = nixosText(
      await packaged(await environment([path], options), "/nix/store", nobody),
    );
    expect(text).toContain(
      "\n# libsoup-2.4.so.1 is in nixpkgs/nixos-26.05#libsoup_2_4, which nixpkgs removed after that release",
    );
    expect(text).toContain("; nixpkgs#libsoup_3 has libsoup-3.0.so.0 instead\n");
    expect(text).toContain("\n# nixpkgs#libsodium has libsodium.so.26 instead\n");
    expect(text).not.toContain("no package is known");
    expect(text).toContain("++ [\n    pkgs.libxcrypt-legacy\n  ];");
  });
  it("is said to be the driver's in a Nix text, and by a refusal of fix", async () => {
    const path = program("driver", ["libcuda.so.1"]);
    const text = nixosText(
      await packaged(await environment([path], options), "/nix/store", nobody),
    );
    const told = "libcuda.so.1 comes with the graphics driver, not with a package";
    expect(text).toContain(`\n# ${told}`);
    const [file] = (await plan([path], options)).files;
    expect(file?.refusal?.message).toContain(told);
  });
  it("keeps nothing from those that need something else", async () => {
    program("several/good", []);
    program("several/bad", ["libneverheard.so.3"]);
    const found = await environment([root.in("several")], options);
    expect(found.systems).toMatchObject([{ missing: [{ soname: "libneverheard.so.3" }] }]);
    expect(found.incomplete).toEqual([]);
  });
});
