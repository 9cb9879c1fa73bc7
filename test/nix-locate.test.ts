// nix-locate, which needs a database of all packages: a command of that name stands for it here.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { diagnose } from "../lib/index.js";
import { locatePackages, parseLocated } from "../lib/store/nixpkgs/nix_locate.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const asked = join(directory, "asked");
const path = process.env.PATH;

/** Puts a nix-locate on the PATH. */
function install(script: string): void {
  mkdirSync(join(directory, "bin"), { recursive: true });
  const file = join(directory, "bin/nix-locate");
  writeFileSync(file, `#!/bin/sh\necho "$@" >>${asked}\n${script}\n`);
  chmodSync(file, 0o755);
  process.env.PATH = `${join(directory, "bin")}:${path}`;
}

beforeEach(() => {
  rmSync(asked, { force: true });
  process.env.PATH = path;
});
afterAll(() => {
  process.env.PATH = path;
  rmSync(directory, { recursive: true });
});

describe("nix-locate", () => {
  it("is asked for the library of that very name", async () => {
    install('echo "pkgsStatic.zlib.out"; echo zlib.out; echo "(nested.zlib.out)"; echo zlib.out');
    expect(await locatePackages("libz.so.1")).toEqual(["zlib", "pkgsStatic.zlib"]);
    expect(readFileSync(asked, "utf8")).toBe(
      "--top-level --minimal --whole-name --at-root /lib/libz.so.1\n",
    );
  });

  it("is asked again where it does not know an option", async () => {
    install('[ "$1" = --top-level ] && exit 2; echo zlib.out');
    expect(await locatePackages("libz.so.1")).toEqual(["zlib"]);
  });

  it("gives no answer where it is not installed or fails", async () => {
    process.env.PATH = "/nowhere";
    expect(await locatePackages("libz.so.1")).toBeNull();
    install("exit 1");
    expect(await locatePackages("libz.so.1")).toBeNull();
  });

  it("is not asked for what would be an option or another path", async () => {
    install("echo zlib.out");
    for (const soname of ["--help", "../x.so", "", "a b.so", "$(x).so"])
      expect(await locatePackages(soname)).toBeNull();
  });

  it("may say anything", () => {
    expect(parseLocated("a.out\n\n$(reboot)\n(b.out)\nc d\n../e\n")).toEqual(["a"]);
  });

  describe("in a finding", needs("gcc"), () => {
    it("is labelled as unchecked", async () => {
      install("echo thing.out");
      const library = join(directory, "libthing.so");
      compile(library, "int thing(void) { return 0; }", "-shared", "-Wl,-soname,libthing.so.9");
      const source = "int thing(void); int main(void) { return thing(); }";
      const [diagnosis] = await diagnose([compile(join(directory, "program"), source, library)]);
      const [finding] = diagnosis?.findings ?? [];
      expect(finding).toMatchObject({ code: "library-missing" });
      expect(finding?.evidence).toContain("nix-locate says: nixpkgs#thing; not checked");
      expect(finding?.remedy).toContain("(not checked): nix build nixpkgs#thing, then: fixelf fix");
    });
  });
});
