// Entries of a search path that lead elsewhere than intended, and what doctor reports about them.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose } from "../lib/index.js";
import { misspellingOf } from "../lib/judge/search_path.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, fixelf, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();

describe("an entry of a search path", () => {
  it.each([
    ["$origin/lib", "$ORIGIN/lib"],
    [["$", "{origin}/lib"].join(""), "$ORIGIN/lib"],
    ["$Origin", "$ORIGIN"],
    ["$(ORIGIN)/lib", "$ORIGIN/lib"],
    ["%ORIGIN%/lib", "$ORIGIN/lib"],
    ["$ORGIN/lib", "$ORIGIN/lib"],
    [["$", "{ORIGNI}/lib"].join(""), "$ORIGIN/lib"],
    ["$$ORIGIN/../lib", "$ORIGIN/../lib"],
    ["ORIGIN/lib", "$ORIGIN/lib"],
    ["RIGIN/../lib", "$ORIGIN/../lib"],
    ["\\$ORIGIN/lib", "$ORIGIN/lib"],
    ["'$ORIGIN/lib'", "$ORIGIN/lib"],
    ["@loader_path/../lib", "$ORIGIN/../lib"],
    ["@executable_path", "$ORIGIN"],
    [" $ORIGIN/lib", "$ORIGIN/lib"],
    ["/opt/lib ", "/opt/lib"],
    ["$ORIGIN/lib;/opt/lib", "$ORIGIN/lib:/opt/lib"],
    ["$ORIGIN/lib, /opt/lib", "$ORIGIN/lib:/opt/lib"],
    ["/opt/lib $ORIGIN/lib", "/opt/lib:$ORIGIN/lib"],
    ["lib", "$ORIGIN/lib"],
    ["../lib", "$ORIGIN/../lib"],
    ["", ""],
    ["~/lib", null],
    ["$HOME/lib", null],
    ["$ORIGINAL/lib", null],
  ])("%j was intended as %j", (entry, meant) => {
    expect(misspellingOf(entry)).toMatchObject({ entry, meant });
  });

  it.each([
    "$ORIGIN",
    ["$", "{ORIGIN}/lib"].join(""),
    "$ORIGIN/../lib",
    "/opt/lib",
    "/opt/$LIB",
    "$ORIGIN-libs",
    "/a b/lib",
    "/opt/$PLATFORM/x",
    "/a,b",
  ])("%j is correct", (entry) => expect(misspellingOf(entry)).toBeNull());
});

describe("a library that a misspelling hides", needs("gcc", "x86-64"), () => {
  it("is found again with the remedy that doctor prints", async () => {
    const library = compile(
      join(directory, "lib/libhelper.so"),
      "int helper(void) { return 0; }",
      "-shared",
      "-fPIC",
      "-Wl,-soname,libhelper.so",
    );
    const main = "int helper(void); int main(void) { return helper(); }";
    const program = compile(
      join(directory, "program"),
      main,
      library,
      "-Wl,--enable-new-dtags,-rpath,RIGIN/lib",
    );
    const [diagnosis] = await diagnose([program], { store: join(directory, "none"), index: false });
    expect(diagnosis?.findings.map(({ code }) => code)).toEqual([
      "library-missing",
      "search-path-misspelled",
    ]);
    const remedy = `fixelf patchelf --set-rpath '$ORIGIN/lib' ${program}`;
    expect(diagnosis?.findings.map((finding) => finding.remedy)).toEqual([remedy, remedy]);
    const typed = ["/bin/sh", "-c", remedy.replace(/^fixelf/, '"$@"'), "sh"];
    expect(run([...typed, ...commandLine])).toMatchObject({ stderr: "", code: 0 });
    expect(spawnSync(program).status).toBe(0);
  });
});

describe("a relative path", needs("gcc", "glibc's loader"), () => {
  const directory = scratchDirectory();
  const library = join(directory, "own/libown.so");
  const source = "int own(void); int main(void) { return own(); }";
  const named = ["--lib", "own", "--interpreter", "ld.so", "--store", "store"];

  beforeAll(() => {
    compile(library, "int own(void) { return 7; }", "-shared", "-Wl,-soname,libown.so");
    copyFileSync("/lib64/ld-linux-x86-64.so.2", join(directory, "ld.so"));
    chmodSync(join(directory, "ld.so"), 0o755);
  });

  it("is written so that it can be found from anywhere", () => {
    const program = compile(join(directory, "program"), source, library);
    const fixed = fixelf(["fix", ...named, "program"], { cwd: directory });
    expect(fixed.stdout).toContain("verified");
    expect(run([program], { cwd: "/" }).code).toBe(7);
    expect(fixed.stdout).toContain(`→ ${directory}/own`);
  });

  it.each(["sh", "json", "nixos", "flake"])("is absolute for env --format %s", (format) => {
    const program = compile(join(directory, "other"), source, library);
    const { stdout } = fixelf(["env", ...named, "--format", format, program], { cwd: directory });
    expect(stdout).toContain(`${directory}/own`);
  });

  it("is taken as seen from a root, if it is inside", () => {
    const program = compile(join(directory, "rooted"), source, library);
    const options = ["--json", "--ignore-missing", "libc.so.6", ...named];
    const within = ["fix", "--dry-run", "--root", directory, ...options, program];
    const { stdout } = fixelf(within, { cwd: directory });
    expect(JSON.parse(stdout).files[0].edits).toContainEqual({
      what: "runpath",
      from: null,
      to: "/own",
    });
    const outside = ["fix", "--root", join(directory, "own"), ...named, program];
    const { code, stderr } = fixelf(outside, { cwd: directory });
    expect([code, stderr]).toEqual([2, expect.stringContaining("it is not below")]);
  });
});
