// A program that needs a library missing from the store: what fix, doctor and env report about it.
import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { shellWord } from "../lib/base/shell.js";
import { isPackaged, packaged } from "../lib/environment/packages.js";
import { diagnose, environment, plan } from "../lib/index.js";
import { nixosText } from "../lib/report/environment/nixos.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot } from "./support/store.js";

describe("a library missing from the store", needs("gcc"), () => {
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
  it("is reported by doctor, with its package", async () => {
    const [diagnosis] = await diagnose([program("told", ["libcrypt.so.1"])], options);
    const finding = diagnosis?.findings.find(({ code }) => code === "library-missing");
    expect(finding?.evidence).toContain("no store path here provides libcrypt.so.1");
    expect(finding?.remedy).toMatch(
      /^libcrypt\.so\.1 is in nixpkgs#libxcrypt-legacy \(nix build nixpkgs#libxcrypt-legacy\), then: fixelf fix /,
    );
  });
  it("is named in a Nix text by its package", async () => {
    const found = await environment([program("both", ["libcrypt.so.1", "libSM.so.6"])], options);
    expect(found.systems).toEqual([]);
    expect(found.problems.map(isPackaged)).toEqual([true]);
    const text = nixosText(await packaged(found, "/nix/store", nobody));
    expect(text).toContain(
      "++ [\n    pkgs.libxcrypt-legacy\n    (pkgs.libsm or pkgs.xorg.libSM)\n  ];",
    );
  });
  it("is named in a Nix text if no package is known", async () => {
    const path = program("unknown", ["libcrypt.so.1", "libneverheard.so.3"]);
    const found = await environment([path], options);
    expect(found.problems.map(isPackaged)).toEqual([false]);
    const text = nixosText(await packaged(found, "/nix/store", nobody));
    expect(text).toContain("\n# no package is known for libneverheard.so.3\n");
    expect(text).toContain("++ [\n    pkgs.libxcrypt-legacy\n  ];");
  });
  it("is marked in a Nix text as removed from nixpkgs, with its replacement", async () => {
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
  it("is marked as the driver's in a Nix text, and in a refusal of fix", async () => {
    const path = program("driver", ["libcuda.so.1"]);
    const text = nixosText(
      await packaged(await environment([path], options), "/nix/store", nobody),
    );
    const told = "libcuda.so.1 comes with the graphics driver, not with a package";
    expect(text).toContain(`\n# ${told}`);
    const [file] = (await plan([path], options)).files;
    expect(file?.refusal?.message).toContain(told);
  });
  it("does not affect programs that need something else", async () => {
    program("several/good", []);
    program("several/bad", ["libneverheard.so.3"]);
    const found = await environment([root.in("several")], options);
    expect(found.systems).toMatchObject([{ missing: [{ soname: "libneverheard.so.3" }] }]);
    expect(found.incomplete).toEqual([]);
  });
});

describe("a library beside the program, where no search path leads", needs("gcc"), () => {
  const root = new NixosRoot();
  const options = { root: root.path, index: false };
  const flags = ["--root", root.path, "--no-index"];

  /** A tree with a program in bin/ that needs a library in lib/. */
  function tree(name: string): string {
    const soname = "-Wl,-soname,libbeside.so.1";
    const source = "int beside(void) { return 0; }";
    const library = compile(root.in(`${name}/lib/libbeside.so.1`), source, "-shared", soname);
    const main = "int beside(void); int main(void) { return beside(); }";
    compile(root.in(`${name}/bin/program`), main, library);
    return root.in(name);
  }

  const remedyOf = async (path: string) => {
    const found = await diagnose([path], options);
    const findings = found.flatMap((each) => each.findings);
    return findings.find(({ cause }) => cause === "libbeside.so.1")?.remedy;
  };

  it("may be in the tree that doctor suggests to fix", async () => {
    const directory = tree("opt/whole");
    const command = `fixelf fix ${directory} --root ${root.path}`;
    expect(await remedyOf(directory)).toBe(command);
    expect(await remedyOf(join(directory, "bin/program"))).toBe(command);
    const { code } = fixelf([...command.split(" ").slice(1), "--no-index"]);
    expect(code).toBe(0);
    expect(await remedyOf(directory)).toBeUndefined();
  });

  it("may be in the program's own directory, and then nothing else is to be fixed along with it", async () => {
    const program = join(tree("opt/flat"), "bin/program");
    copyFileSync(root.in("opt/flat/lib/libbeside.so.1"), root.in("opt/flat/bin/libbeside.so.1"));
    const command = `fixelf fix ${program} --root ${root.path} --lib /opt/flat/bin`;
    expect(await remedyOf(program)).toBe(command);
    expect(fixelf([...command.split(" ").slice(1), "--no-index"]).code).toBe(0);
    expect(await remedyOf(program)).toBeUndefined();
  });

  it("is named by fix and env, which accept its directory", () => {
    const directory = tree("opt/alone");
    const program = join(directory, "bin/program");
    for (const command of ["env", "fix"]) {
      const { stdout, stderr, code } = fixelf([command, program, ...flags]);
      const beside = "/opt/alone/lib/libbeside.so.1 is there: --lib /opt/alone/lib";
      expect(stdout + stderr).toContain(beside);
      expect(code).toBe(1);
      const given = fixelf([command, program, ...flags, "--lib", "/opt/alone/lib"]);
      expect(given.code).toBe(0);
    }
  });

  it.each(["a:b", "a;b", "$ORIGIN", "$LIB", "x$PLATFORM-y"])(
    "is not in a variable that env prints if its directory is %s",
    (name) => {
      const { stderr, code } = fixelf(["env", tree(`opt/${name}`), ...flags]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `/opt/${name}/lib: a search path can't hold this name; make a farm (--farm)`,
      );
      expect(stderr).toContain(`fixelf run --lib ${shellWord(`/opt/${name}/lib`)} `);
    },
  );

  it("is in a variable if a token is only part of a longer word in its path", () => {
    const { stderr, code } = fixelf(["env", tree("opt/$ORIGINAL"), ...flags]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("can't hold")]);
  });
});
