// Entries of a search path that lead elsewhere than was meant, and what doctor says of them.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diagnose } from "../lib/index.js";
import { misspellingOf } from "../lib/judge/search_path.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
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
  ])("%j was meant as %j", (entry, meant) => {
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
  ])("%j is as it should be", (entry) => expect(misspellingOf(entry)).toBeNull());
});

describe("a library that a misspelling hides", needs("gcc", "x86-64"), () => {
  it("is found again by the remedy that doctor prints", async () => {
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
