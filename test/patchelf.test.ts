// fixelf patchelf and fixelf-patchelf: the installed patchelf is the measure for their output and exit codes; the
// loader, for what they write.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { programPath } from "../lib/addon/programs.js";
import { FixelfError, type PatchelfOptions, patchelf } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { isHere, needs, pathOf } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

delete process.env.PATCHELF_DEBUG;

const main = '#include <stdio.h>\nint value(void); int main(void) { printf("%d\\n", value()); }';
const value = "int value(void) { return 42; }";
const other = "int value(void) { return 43; }";

const built: Record<string, string[]> = {
  "libs/libvalue.so": [value, "-shared", "-fPIC", "-Wl,-soname,libvalue.so"],
  "others/libother.so": [other, "-shared", "-fPIC", "-Wl,-soname,libother.so"],
  "libplain.so": [value, "-shared", "-fPIC"],
  program: [main, "libs/libvalue.so", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/libs"],
  "rpath-program": [main, "libs/libvalue.so", "-Wl,--disable-new-dtags,-rpath,/a:/b"],
  "fixed-program": [main, "-no-pie", "libs/libvalue.so", "-Wl,-rpath,$ORIGIN/libs"],
  "static-program": [main + value, "-static"],
  "static-pie": [main + value, "-static-pie"],
};

/** What starts it: with Node, and without. */
const ways: [string, readonly string[]][] = [
  ["fixelf patchelf", [...commandLine, "patchelf"]],
  ["fixelf-patchelf", [programPath("patchelf")]],
];

describe.each(ways)("%s", (_title, program) => {
  let home: string;

  const start = (command: string, args: readonly string[], env: Record<string, string> = {}) =>
    run([command, ...args], { cwd: home, env });

  // Anything kept there would be a trace, and patchelf leaves none.
  const ours = (...words: string[]) =>
    run([...program, ...words], { cwd: home, env: { XDG_STATE_HOME: join(home, "state") } });

  /** Runs ours, which must succeed and print nothing. */
  function patch(...words: string[]): void {
    expect(ours(...words)).toEqual({ stdout: "", stderr: "", code: 0, signal: null });
  }

  function asked(question: string, file: string): string {
    const { stdout, stderr, code } = ours(`--print-${question}`, file);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    return stdout;
  }

  function readelf(flags: string, file: string): string {
    return execFileSync("readelf", ["--wide", flags, file], { cwd: home, encoding: "utf8" });
  }

  beforeAll(() => {
    home = scratchDirectory();
    // Other users start what is in it, too.
    chmodSync(home, 0o777);
    if (!isHere("gcc")) return;
    mkdirSync(join(home, "empty"));
    for (const [output, [source = "", ...options]] of Object.entries(built))
      compile(join(home, output), source, ...options);
    writeFileSync(join(home, "text"), "no program\n".repeat(20));
    writeFileSync(join(home, "short"), "\x7fELF");
  });

  it("succeeds if a static PIE needs no change, and refuses any other", needs("gcc"), () => {
    const before = readFileSync(join(home, "static-pie"));
    patch("--remove-needed", "libabsent.so", "static-pie");
    patch("--replace-needed", "libabsent.so", "libother.so", "static-pie");
    patch("--add-rpath", "", "static-pie");
    patch("--remove-rpath", "static-pie");
    patch("--add-debug-tag", "static-pie");
    for (const words of [
      ["--add-needed", "libother.so"],
      ["--set-rpath", "/somewhere"],
      ["--no-default-lib"],
      ["--set-soname", "libother.so"],
    ])
      expect(ours(...words, "static-pie")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("it is a static PIE"),
      });
    expect(readFileSync(join(home, "static-pie")).equals(before)).toBe(true);
  });

  describe("compared with the installed one", needs("gcc", "patchelf", "readelf"), () => {
    const questions = ["interpreter", "soname", "rpath", "needed"];
    const files = Object.keys(built);

    it.each(questions)("prints the same --print-%s for every kind of file", (question) => {
      for (const file of [...files, "text", "short", "empty", "not-there"]) {
        const words = [`--print-${question}`, file];
        expect({ file, ...ours(...words) }).toEqual({ file, ...start("patchelf", words) });
      }
    });

    describe.each([
      ["objcopy", ["--only-keep-debug", "program", "program.debug"]],
      ["eu-strip", ["-f", "program.debug", "-o", "program.rest", "program"]],
    ])("about what %s splits off", (tool, words) => {
      // Not --print-needed, for which patchelf prints what is now where the names were.
      it.each([
        "--print-rpath",
        "--print-soname",
        "--set-rpath /somewhere/else",
        "--remove-rpath",
        "--shrink-rpath",
      ])("responds to %s in the same way, and changes nothing", needs(tool), (question) => {
        execFileSync(tool, words, { cwd: home });
        const before = readFileSync(join(home, "program.debug"));
        const asked = [...question.split(" "), "program.debug"];
        expect(ours(...asked)).toEqual(start("patchelf", asked));
        expect(readFileSync(join(home, "program.debug")).equals(before)).toBe(true);
      });
    });

    it.each([
      [["--print-rpath", "--print-needed", "--print-interpreter", "program"]],
      [["--print-soname", "--print-soname", "program", "libs/libvalue.so"]],
      [["--print-rpath", "program", "rpath-program", "not-there", "libplain.so"]],
      [["program", "--print-needed"]],
      [["program"]],
      [["--print-rpath"]],
      [["--set-rpath"]],
      [["--set-interpreter"]],
      [["--replace-needed", "one"]],
      [["--page-size", "0", "program"]],
      [["--page-size", "many", "program"]],
      [["--set-rpath", "/a", "--add-rpath", "/b", "program"]],
      [["--output", "out", "program", "libplain.so"]],
      [["--set-rpath", "/b", "--output", "new/", "program"]],
      [["--set-rpath", "/b", "--output", "text/", "program"]],
      [["--set-rpath", "/b", "program/"]],
      [["--print-rpath", "program/"]],
      [["--set-rpath", "@not-there", "program"]],
      [["--set-interpreter", "/x", "libplain.so"]],
      [["--set-interpreter", "/x", "static-program"]],
      [["--set-rpath", "/x", "static-program"]],
      [["--add-needed", "x", "static-program"]],
      [["--unknown-option", "program"]],
      [["-x"]],
    ])("responds to %j in the same way", (words) => {
      expect(ours(...words)).toEqual(start("patchelf", words));
    });

    it("shows its usage on stderr, which is a failure without arguments", () => {
      for (const words of [[], ["--help"], ["-h"], ["program", "--help"]]) {
        const { stdout, stderr, code } = ours(...words);
        const judge = start("patchelf", words);
        expect({ stdout, code }).toEqual({ stdout: judge.stdout, code: judge.code });
        expect(stderr).toMatch(/^syntax: patchelf/);
        const options = judge.stderr.match(/--[a-z-]+/g) ?? [];
        expect(options.length).toBeGreaterThan(15);
        for (const option of options) expect(stderr).toContain(option);
      }
    });

    it("reports its version as patchelf does", () => {
      expect(start("patchelf", ["--version"]).stdout).toMatch(/^patchelf \d+\.\d+/);
      expect(ours("--version")).toEqual({
        stdout: "patchelf 0.19.0\n",
        stderr: "",
        code: 0,
        signal: null,
      });
    });

    it.each([
      ["a longer rpath", ["--set-rpath", `/${"long".repeat(60)}`]],
      ["a shorter rpath", ["--set-rpath", "/s"]],
      ["more rpath", ["--add-rpath", "/more:/and/more"]],
      ["DT_RPATH", ["--force-rpath", "--set-rpath", "/a"]],
      ["a shrunk rpath", ["--shrink-rpath"]],
      ["no rpath", ["--remove-rpath"]],
      ["another interpreter", ["--set-interpreter", "/lib/ld.so.1"]],
      ["more needed libraries", ["--add-needed", "libb.so", "--add-needed", "liba.so"]],
      ["fewer needed libraries", ["--remove-needed", "libvalue.so"]],
      ["other needed libraries", ["--replace-needed", "libvalue.so", "/libs/libvalue.so"]],
      ["one for another", ["--add-needed", "libm.so.6", "--remove-needed", "libvalue.so"]],
    ])("writes what patchelf reads with %s", (_title, words) => {
      for (const file of ["program", "rpath-program", "fixed-program"]) {
        copyFileSync(join(home, file), join(home, "mine"));
        copyFileSync(join(home, file), join(home, "theirs"));
        expect(ours(...words, "mine")).toMatchObject({ code: 0, stderr: "" });
        expect(start("patchelf", [...words, "theirs"])).toMatchObject({ code: 0 });
        const read = (path: string) =>
          questions.map((question) => start("patchelf", [`--print-${question}`, path]));
        expect(read("mine")).toEqual(read("theirs"));
        // Here an entry with an empty string is removed, with patchelf it stays.
        const entries = (path: string) =>
          readelf("-d", path).match(/\((RPATH|RUNPATH|NEEDED)\) .*\[.+\]/g);
        expect(entries("mine")).toEqual(entries("theirs"));
      }
    });
  });

  describe("writes", needs("gcc", "readelf"), () => {
    const at = (name: string) => join(home, name);

    beforeEach(() => {
      copyFileSync(at("program"), at("it"));
      copyFileSync(at("libs/libvalue.so"), at("it.so"));
      chmodSync(at("it"), 0o755);
    });

    const says = (value: number) => ({ stdout: `${value}\n`, stderr: "", code: 0, signal: null });

    it("an interpreter that starts the program", () => {
      const loader = asked("interpreter", "it").trim();
      symlinkSync(loader, at("loader"));
      patch("--set-interpreter", at("loader"), "it");
      expect(asked("interpreter", "it")).toBe(`${at("loader")}\n`);
      expect(start("./it", [])).toEqual(says(42));
    });

    it("a search path, even from a file", () => {
      const value = `/${"n".repeat(5000)}:${at("libs")}`;
      writeFileSync(at("value"), value);
      patch("--set-rpath", "@value", "it");
      expect(asked("rpath", "it")).toBe(`${value}\n`);
      expect(start("./it", [])).toEqual(says(42));
      patch("--set-rpath", "", "it");
      expect(asked("rpath", "it")).toBe("\n");
      expect(start("./it", [])).toMatchObject({ code: 127 });
      patch("--add-rpath", at("libs"), "it");
      expect(start("./it", [])).toEqual(says(42));
    });

    it("a search path without directories that have no needed library", () => {
      const path = ["$ORIGIN/x", at("empty"), at("libs"), at("others"), ""].join(":");
      patch("--set-rpath", path, "it");
      const { stderr, code } = ours("--debug", "--shrink-rpath", "it");
      expect(code).toBe(0);
      expect(stderr).toContain(`removing directory '${at("empty")}' from RPATH`);
      expect(asked("rpath", "it")).toBe(`$ORIGIN/x:${at("libs")}\n`);
      patch("--shrink-rpath", "--allowed-rpath-prefixes", "/nix/store:/opt", "it");
      expect(asked("rpath", "it")).toBe("$ORIGIN/x\n");
    });

    it("a search path without libraries for another machine or text files in place of a needed one", () => {
      mkdirSync(at("foreign"), { recursive: true });
      writeFileSync(at("foreign/libvalue.so"), "INPUT(-lvalue)\n".repeat(9));
      patch("--set-rpath", `${at("foreign")}:${at("libs")}`, "--shrink-rpath", "it");
      // Shrinking takes precedence over setting, as in patchelf.
      expect(asked("rpath", "it")).toBe("$ORIGIN/libs\n");
      patch("--set-rpath", `${at("foreign")}:${at("libs")}`, "it");
      patch("--shrink-rpath", "it");
      expect(asked("rpath", "it")).toBe(`${at("libs")}\n`);
    });

    it("DT_RPATH or DT_RUNPATH, as forced", () => {
      patch("--force-rpath", "--add-rpath", "/x", "it");
      expect(readelf("-d", "it")).toMatch(/\(RPATH\).*\[\$ORIGIN\/libs:\/x\]/);
      expect(readelf("-d", "it")).not.toContain("(RUNPATH)");
      patch("--shrink-rpath", "it");
      expect(readelf("-d", "it")).toMatch(/\(RUNPATH\).*\[\$ORIGIN\/libs\]/);
      expect(start("./it", [])).toEqual(says(42));
    });

    it("needed libraries", () => {
      patch("--replace-needed", "libvalue.so", at("others/libother.so"), "it");
      expect(start("./it", [])).toEqual(says(43));
      patch("--remove-needed", at("others/libother.so"), "--add-needed", "libvalue.so", "it");
      expect(asked("needed", "it").split("\n")[0]).toBe("libvalue.so");
      expect(start("./it", [])).toEqual(says(42));
    });

    it("a soname, of libraries only", () => {
      patch("--set-soname", "libanother-and-longer.so.1", "it.so");
      expect(asked("soname", "it.so")).toBe("libanother-and-longer.so.1\n");
      copyFileSync(at("fixed-program"), at("fixed"));
      patch("--set-soname", "x", "fixed");
      expect(readFileSync(at("fixed"))).toEqual(readFileSync(at("fixed-program")));
    });

    it("DF_1_NODEFLIB and DT_DEBUG", () => {
      patch("--no-default-lib", "--add-debug-tag", "it.so");
      expect(readelf("-d", "it.so")).toMatch(/\(FLAGS_1\).*NODEFLIB/);
      expect(readelf("-d", "it.so")).toContain("(DEBUG)");
      expect(start("./it", [], { LD_PRELOAD: at("it.so") })).toEqual(says(42));
    });

    it("every OS ABI that patchelf has a name for", () => {
      for (const name of ["HP-UX", "gnu hurd", " Linux ", "FreeBSD", "OpenVMS", "sysv"])
        patch("--set-os-abi", name, "it");
      expect(asked("os-abi", "it")).toBe("System V\n");
      const bytes = readFileSync(at("it"));
      bytes[7] = 0xab;
      writeFileSync(at("it"), bytes);
      expect(asked("os-abi", "it")).toBe("0xAB\n");
      expect(ours("--set-os-abi", "Plan 9", "it")).toEqual({
        stdout: "",
        stderr: "patchelf: unrecognized OS ABI\n",
        code: 1,
        signal: null,
      });
    });

    it("an executable stack and back, byte for byte", () => {
      const before = readFileSync(at("it"));
      expect(asked("execstack", "it")).toBe("execstack: -\n");
      patch("--set-execstack", "it");
      expect(asked("execstack", "it")).toBe("execstack: X\n");
      // Printing precedes changing.
      expect(ours("--print-execstack", "--clear-execstack", "it").stdout).toBe("execstack: X\n");
      expect(asked("execstack", "it")).toBe("execstack: X\n");
      patch("--clear-execstack", "it");
      expect(readFileSync(at("it"))).toEqual(before);
    });

    it("other names for dynamic symbols, on both sides", () => {
      mkdirSync(at("renamed"), { recursive: true });
      writeFileSync(at("map"), "value quite_another_value\nnot_there whatever\n\nafter the end\n");
      patch("--rename-dynamic-symbols", "map", "--output", "renamed/libvalue.so", "it.so");
      expect(readelf("--dyn-syms", "renamed/libvalue.so")).toContain(" quite_another_value");
      patch("--set-rpath", at("renamed"), "it");
      expect(start("./it", [], { LD_BIND_NOW: "1" })).toMatchObject({ code: 127 });
      patch("--rename-dynamic-symbols", "map", "it");
      expect(start("./it", [], { LD_BIND_NOW: "1" })).toEqual(says(42));
    });

    it.each([
      ["one", "map:1: Map file line is missing the second element"],
      ["a b\na c", "map:2: Name 'a' appears twice in the map file"],
      ["a b@V1", "map:1: Name pair contains version tag: a b@V1"],
    ])("no other names from a map with %j", (text, message) => {
      writeFileSync(at("map"), text);
      const answer = ours("--rename-dynamic-symbols", "map", "it");
      expect(answer).toEqual({
        stdout: "",
        stderr: `patchelf: ${message}\n`,
        code: 1,
        signal: null,
      });
      expect(ours("--rename-dynamic-symbols", "no-map", "it").stderr).toBe(
        "patchelf: Cannot open map file no-map: No such file or directory\n",
      );
    });

    it("symbols without their version", () => {
      const bound = () =>
        readelf("--dyn-syms", "it")
          .split("\n")
          .find((line) => line.includes(" printf"));
      expect(bound()).toContain("printf@GLIBC");
      patch("--clear-symbol-version", "printf", "it");
      expect(bound()).not.toContain("@");
      expect(start("./it", [])).toEqual(says(42));
    });

    it("an interpreter's path of its own, even where PT_INTERP holds notes", () => {
      const code = `asm(".section .note.of-it, \\"a\\", %note; .long 4, 4, 1; .asciz \\"one\\"; .long 7;"
        ".section .interp, \\"a\\"; .asciz \\"/first\\"; .globl _start; .text; _start: .long 0");`;
      const places = "PHDRS { text PT_LOAD FILEHDR PHDRS; interp PT_INTERP; }";
      const all = ".all : { *(.note.of-it) *(.interp) } :text :interp .rest : { *(*) } :text";
      writeFileSync(at("notes.ld"), `${places} SECTIONS { . = SIZEOF_HEADERS; ${all} }`);
      compile(at("notes"), code, "-nostdlib", "-static", "-Wl,--build-id=none", "-T", "notes.ld");
      const bytes = readFileSync(at("notes"));
      const note = bytes.indexOf("one\0");
      expect(readelf("-l", "notes")).not.toContain("/first");
      patch("--set-interpreter", "/a/longer/loader", "notes");
      expect(asked("interpreter", "notes")).toBe("/a/longer/loader\n");
      const after = readFileSync(at("notes"));
      expect(after.subarray(note - 12, note + 8)).toEqual(bytes.subarray(note - 12, note + 8));
      patch("--set-interpreter", "/a/longer/loader", "notes");
      expect(readFileSync(at("notes"))).toEqual(after);
    });

    it("a search path of a library whose PT_INTERP is never read", () => {
      const places = "PHDRS { text PT_LOAD FILEHDR PHDRS; interp PT_INTERP; dynamic PT_DYNAMIC; }";
      const rest = ".dynamic : { *(.dynamic) } :text :dynamic .rest : { *(*) } :text";
      const note = ".note.gnu.build-id : { *(.note.gnu.build-id) } :text :interp";
      writeFileSync(at("odd.ld"), `${places} SECTIONS { . = SIZEOF_HEADERS; ${note} ${rest} }`);
      const linking = ["-nostdlib", "-Wl,--build-id=0x01020304", "-T", "odd.ld"];
      compile(at("libodd.so"), value, "-shared", "-fPIC", ...linking);
      patch("--set-rpath", "/elsewhere", "libodd.so");
      expect(asked("rpath", "libodd.so")).toBe("/elsewhere\n");
      expect(readelf("-n", "libodd.so")).toContain("01020304");
      const none = ours("--print-interpreter", "libodd.so");
      expect(none).toMatchObject({ code: 1, stdout: "" });
    });

    it("despite wrong section headers, with a warning", () => {
      const whole = readFileSync(at("it"));
      const table = Number(whole.readBigUInt64LE(40));
      const names = table + 64 * whole.readUInt16LE(62);
      const damages: [string, (bytes: Buffer) => void][] = [
        ["string table index out of bounds", (bytes) => bytes.writeUInt16LE(0xffff, 62)],
        ["data region extends past file end", (bytes) => bytes.writeUInt32LE(-1 >>> 0, names + 32)],
        ["string table size is zero", (bytes) => bytes.fill(0, names + 32, names + 40)],
        ["section name offset out of bounds", (bytes) => bytes.writeUInt32LE(1 << 30, table + 64)],
        ["refers to an unnamed section", (bytes) => bytes.writeUInt32LE(0, table + 64)],
      ];
      for (const [said, damage] of damages) {
        const bytes = Buffer.from(whole);
        damage(bytes);
        writeFileSync(at("it"), bytes);
        const { stderr, code } = ours("--add-rpath", "/somewhere/else", "it");
        expect(stderr).toMatch(/^warning: /);
        expect(stderr).toContain(said);
        expect(code).toBe(0);
        expect(start("./it", [])).toEqual(says(42));
      }
    });

    it("patchelf's message about wrong names", () => {
      const bytes = readFileSync(at("it"));
      const [, dynamic] = /DYNAMIC +0x([0-9a-f]+)/.exec(readelf("-l", "it")) ?? [];
      bytes.writeUInt32LE(1 << 30, Number.parseInt(`${dynamic}`, 16) + 8);
      writeFileSync(at("it"), bytes);
      const { stderr, code } = ours("--print-needed", "it");
      expect(stderr).toContain("patchelf: string table index out of bounds: it: a name lies");
      expect(code).toBe(1);
    });

    it("a resolution cache, which is dropped once it is no longer true", async () => {
      const cache = async () => (await native.inspect(at("it"))).notes.resolutionCache;
      mkdirSync(at("capable/glibc-hwcaps"), { recursive: true });
      patch("--set-rpath", `$ORIGIN/x:${at("capable")}:${at("empty")}:${at("libs")}`, "it");
      patch("--build-resolution-cache", "it");
      const found = `?$ORIGIN/x:?${at("capable")}:=${at("libs/libvalue.so")}`;
      expect(await cache()).toEqual([
        { soname: "libc.so.6", places: `?$ORIGIN/x:?${at("capable")}` },
        { soname: "libvalue.so", places: found },
      ]);
      expect(readelf("-S", "it")).toMatch(/\.note\.nixos\.ldcache +NOTE .* A /);
      expect(start("./it", [])).toEqual(says(42));

      const bytes = readFileSync(at("it"));
      patch("--build-resolution-cache", "--remove-needed", "absent", "it");
      expect(readFileSync(at("it"))).toEqual(bytes);
      writeFileSync(at("empty/libvalue.so"), "");
      const outdated = ours("--build-resolution-cache", "it");
      rmSync(at("empty/libvalue.so"));
      expect(outdated).toMatchObject({ code: 1, stdout: "" });
      expect(outdated.stderr).toContain("already present");

      // It is unknown where the program will be started, wherever patchelf is run.
      patch("--set-rpath", `libs::${at("libs")}`, "--build-resolution-cache", "it");
      expect(await cache()).toEqual([
        { soname: "libc.so.6", places: "?libs:?.:?" },
        { soname: "libvalue.so", places: `?libs:?.:?:=${at("libs/libvalue.so")}` },
      ]);

      // Both at once: the cache is for what the file then contains.
      patch("--set-rpath", at("libs"), "--build-resolution-cache", "it");
      expect(await cache()).toEqual([
        { soname: "libvalue.so", places: `=${at("libs/libvalue.so")}` },
      ]);
      patch("--add-needed", "libm.so.6", "it");
      expect(await cache()).toBeNull();
      expect(start("./it", [])).toEqual(says(42));

      patch("--remove-rpath", "it");
      const none = ours("--build-resolution-cache", "it");
      expect(none).toMatchObject({ code: 0, stdout: "" });
      expect(none.stderr).toMatch(/^warning: .*no DT_NEEDED entries or run path/);
      expect(ours("--build-resolution-cache", "static-program").stderr).toMatch(/^warning: /);
      expect(ours("--build-resolution-cache", "--force-rpath", "it").code).toBe(1);
    });

    it("files without section headers, which patchelf refuses", () => {
      const bytes = readFileSync(at("it"));
      truncateSync(at("it"), Number(bytes.readBigUInt64LE(40)));
      const header = readFileSync(at("it"));
      header.writeBigUInt64LE(0n, 40);
      header.writeUInt32LE(0, 60);
      writeFileSync(at("it"), header);
      patch("--set-rpath", `/${"n".repeat(3000)}:${at("libs")}`, "it");
      expect(start("./it", [])).toEqual(says(42));
    });

    it("everything at once, to several files", () => {
      copyFileSync(at("it"), at("it2"));
      const words = ["--set-rpath", at("libs"), "--add-needed", "libm.so.6", "--no-default-lib"];
      const { stdout } = ours(...words, "--print-rpath", "--print-needed", "it", "it2");
      // What is printed is the state before the changes.
      expect(stdout).toBe("$ORIGIN/libs\nlibvalue.so\nlibc.so.6\n".repeat(2));
      for (const file of ["it", "it2"])
        expect(asked("needed", file)).toBe("libm.so.6\nlibvalue.so\nlibc.so.6\n");
      const missing = ours("--set-rpath", "/x", "it", "not-there", "it2");
      expect(missing.code).toBe(1);
      expect([asked("rpath", "it"), asked("rpath", "it2")]).toEqual(["/x\n", `${at("libs")}\n`]);
    });

    it("messages only with --debug and PATCHELF_DEBUG, to stderr", () => {
      const words = [...program, "--set-rpath", "/x", "it"];
      const { stdout, stderr, code } = run(words, { cwd: home, env: { PATCHELF_DEBUG: "" } });
      expect({ stdout, code }).toEqual({ stdout: "", code: 0 });
      expect(stderr).toMatch(/^patching ELF file 'it'\n/);
      expect(ours("--debug", "--set-rpath", "/y", "it").stderr).toContain("writing it\n");
    });

    describe("and flushes", needs("strace"), () => {
      /** The calls that flush or put the new file in place, in their order. */
      function calls(env: Record<string, string>, ...words: string[]): string[] {
        const trace = at("trace");
        const traced = "trace=fsync,fdatasync,syncfs,sync,renameat,renameat2";
        const by = ["strace", "-f", "-qq", "-e", traced, "-o", trace];
        const { stderr, code } = run([...program, ...words], { cwd: home, env, by });
        expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
        const names = readFileSync(trace, "utf8").matchAll(/(\w+)\([^\n]*\) += 0$/gm);
        return [...names].map(([, name = ""]) => name.replace(/^rename.*/, "rename"));
      }

      it("once, before the new content gets the name", () => {
        const once = ["fsync", "rename"];
        expect(calls({}, "--set-rpath", "/x", "it")).toEqual(once);
        expect(calls({}, "--set-rpath", "/y", "--output", "out", "it")).toEqual(once);
        expect([asked("rpath", "it"), asked("rpath", "out")]).toEqual(["/x\n", "/y\n"]);
      });

      it("not at all with --no-flush and PATCHELF_NO_FLUSH", () => {
        expect(calls({}, "--no-flush", "--set-rpath", "/x", "it")).toEqual(["rename"]);
        const env = { PATCHELF_NO_FLUSH: "1" };
        expect(calls(env, "--set-rpath", "/y", "it")).toEqual(["rename"]);
        expect(asked("rpath", "it")).toBe("/y\n");
      });
    });

    describe("its result", () => {
      it("to --output, created even if nothing changes, and with the caller's umask", () => {
        const before = readFileSync(at("it"));
        chmodSync(at("it"), 0o444);
        utimesSync(at("it"), 1e9, 1e9);
        patch("--set-rpath", "$ORIGIN/libs", "--output", "made", "it");
        expect(readFileSync(at("made"))).toEqual(before);
        expect(statSync(at("made")).mode & 0o777).toBe(0o777 & ~process.umask());
        expect(statSync(at("made")).mtimeMs).toBeGreaterThan(1e12);
        patch("--set-rpath", "/x", "--output", "made", "it");
        expect(readFileSync(at("it"))).toEqual(before);
        expect(asked("rpath", "made")).toBe("/x\n");
      });

      it("to an existing --output, whose mode stays, as does a link to it", () => {
        writeFileSync(at("present"), "old\n", { mode: 0o640 });
        symlinkSync("present", at("link"));
        patch("--output", "link", "it");
        expect(readlinkSync(at("link"))).toBe("present");
        expect(statSync(at("present")).mode & 0o777).toBe(0o640);
        expect(readFileSync(at("present"))).toEqual(readFileSync(at("it")));
      });

      it("to a device, which stays a device", () => {
        patch("--set-rpath", "/x", "--output", "/dev/null", "it");
        expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
        const script = '"$@" --output /dev/stdout it | cat >piped';
        const piped = run(["/bin/sh", "-c", script, "sh", ...program], { cwd: home });
        expect(piped.stderr).toBe("");
        expect(readFileSync(at("piped"))).toEqual(readFileSync(at("it")));
      });

      it("into the file behind a symbolic link, with its mode, and a new time", () => {
        symlinkSync("it", at("to-it"));
        chmodSync(at("it"), 0o750);
        utimesSync(at("it"), 1e9, 1e9);
        patch("--set-rpath", "/x", "to-it");
        expect(readlinkSync(at("to-it"))).toBe("it");
        expect(asked("rpath", "it")).toBe("/x\n");
        expect(statSync(at("it")).mode & 0o777).toBe(0o750);
        expect(statSync(at("it")).mtimeMs).toBeGreaterThan(1e12);
        utimesSync(at("it"), 1e9, 1e9);
        patch("--set-rpath", "/x", "to-it");
        expect(statSync(at("it")).mtimeMs).toBe(1e12);
        rmSync(at("to-it"));
      });

      it("not into its other hard links", () => {
        linkSync(at("it"), at("twin"));
        patch("--set-rpath", "/x", "it");
        expect(asked("rpath", "twin")).toBe("$ORIGIN/libs\n");
      });

      it("nowhere else: no record, no temporary file", needs("find"), () => {
        patch("--set-rpath", "/x", "it");
        expect(existsSync(at("state"))).toBe(false);
        const left = execFileSync("find", [home, "-name", ".*", "-mindepth", "1"]).toString();
        expect(left).toBe("");
      });
    });
  });

  describe("run by a user without rights", needs("gcc", "root"), () => {
    const nobody = (...words: string[]) =>
      run([...program, ...words], { cwd: home, uid: 65534, gid: 65534 });

    it("refuses a file that may not be written, as open(2) does", () => {
      copyFileSync(join(home, "program"), join(home, "closed"));
      chmodSync(join(home, "closed"), 0o555);
      const { stderr, code } = nobody("--set-rpath", "/x", "closed");
      expect({ stderr, code }).toEqual({
        stderr: "patchelf: open: Permission denied\n",
        code: 1,
      });
      // A file that it may not change it may still read.
      expect(nobody("--set-rpath", "/x", "--output", "own", "closed")).toMatchObject({
        stderr: "",
        code: 0,
      });
      expect(statSync(join(home, "own")).uid).toBe(65534);
    });

    it("writes another user's file, and one in a directory that is closed", () => {
      mkdirSync(join(home, "closed-directory"));
      const inside = join(home, "closed-directory/it");
      for (const file of [inside, join(home, "open")]) {
        copyFileSync(join(home, "program"), file);
        chmodSync(file, 0o777);
        expect(nobody("--set-rpath", "/x", file)).toMatchObject({ stderr: "", code: 0 });
        expect(asked("rpath", file)).toBe("/x\n");
        expect(statSync(file).uid).toBe(0);
      }
    });
  });

  describe("patchelf() of the API", needs("gcc"), () => {
    const at = (name: string) => join(home, "api", name);
    const inTwoWays = (file: string) => {
      mkdirSync(at(""), { recursive: true });
      for (const way of ["function", "command"]) copyFileSync(join(home, file), at(way));
    };

    it.each<[string, string, PatchelfOptions, string[]]>([
      [
        "a search path and a loader",
        "program",
        { setRpath: ["$ORIGIN/libs", "/opt/lib"], setInterpreter: "/lib/ld.so", forceRpath: true },
        [
          "--set-rpath",
          "$ORIGIN/libs:/opt/lib",
          "--set-interpreter",
          "/lib/ld.so",
          "--force-rpath",
        ],
      ],
      [
        "needed libraries",
        "program",
        {
          addNeeded: ["b.so", "a.so"],
          removeNeeded: ["libvalue.so"],
          replaceNeeded: [{ from: "libc.so.6", to: "libother.so.6" }],
        },
        [
          ...["--add-needed", "b.so", "--add-needed", "a.so", "--remove-needed", "libvalue.so"],
          ...["--replace-needed", "libc.so.6", "libother.so.6"],
        ],
      ],
      [
        "what else the header and the dynamic table say",
        "libs/libvalue.so",
        { setOsAbi: "FreeBSD", setSoname: "other.so", noDefaultLib: true, addDebugTag: true },
        [
          "--set-os-abi",
          "FreeBSD",
          "--set-soname",
          "other.so",
          "--no-default-lib",
          "--add-debug-tag",
        ],
      ],
      ["an executable stack", "program", { execstack: true }, ["--set-execstack"]],
      ["a shrunk search path", "rpath-program", { shrinkRpath: true }, ["--shrink-rpath"]],
      [
        "texts where they were",
        "program",
        { setRpath: [`/${"long".repeat(60)}`], clobberOldSections: false },
        ["--set-rpath", `/${"long".repeat(60)}`, "--no-clobber-old-sections"],
      ],
      [
        "other names of symbols",
        "libs/libvalue.so",
        { renameDynamicSymbols: [{ from: "value", to: "another_value" }] },
        ["--rename-dynamic-symbols", "@map"],
      ],
    ])("writes %s, byte for byte as the command does", async (_, file, options, words) => {
      inTwoWays(file);
      writeFileSync(at("map"), "value another_value\n");
      const before = readFileSync(at("function"));
      const outcome = await patchelf(at("function"), options);
      patch(...words.map((word) => (word === "@map" ? at("map") : word)), at("command"));
      const [after, expected] = [readFileSync(at("function")), readFileSync(at("command"))];
      expect(after.equals(expected)).toBe(true);
      expect(after.equals(before)).toBe(false);
      expect(outcome).toMatchObject({
        path: at("function"),
        outcome: "changed",
        oldSize: before.length,
        newSize: after.length,
      });
    });

    it("reports what it skips, and then changes nothing", async () => {
      inTwoWays("fixed-program");
      const before = readFileSync(at("function"));
      expect(await patchelf(at("function"), { setSoname: "it.so" })).toEqual({
        path: at("function"),
        outcome: "unchanged",
        reasons: ["this is not a dynamic library"],
        noCache: null,
        oldSize: before.length,
        newSize: before.length,
      });
      expect(readFileSync(at("function")).equals(before)).toBe(true);
    });

    it("clears an executable stack", async () => {
      inTwoWays("program");
      const before = readFileSync(at("function"));
      await patchelf(at("function"), { execstack: true });
      await patchelf(at("function"), { execstack: false });
      expect(readFileSync(at("function")).equals(before)).toBe(true);
    });

    it("leaves the file unchanged when given an output", async () => {
      inTwoWays("program");
      const before = readFileSync(at("function"));
      await patchelf(at("function"), { setRpath: ["/x"], output: at("output") });
      expect(readFileSync(at("function")).equals(before)).toBe(true);
      expect(asked("rpath", at("output"))).toBe("/x\n");
    });

    it.each<[string, PatchelfOptions, string, string]>([
      ["static-program", { setInterpreter: "/x" }, "unsupported", "cannot find section '.interp'"],
      ["program", { setOsAbi: "Plan 9" }, "usage", "unrecognized OS ABI"],
      ["text", { setRpath: [] }, "not-elf", "not an ELF executable"],
      ["empty", { setRpath: [] }, "not-a-regular-file", "Is a directory"],
      ["not-there", { setRpath: [] }, "not-found", "No such file or directory"],
    ])("refuses for %s the options %j as %s", async (file, options, code, message) => {
      const path = join(home, file);
      const failure = await patchelf(path, options).catch((failure: unknown) => failure);
      expect(failure).toBeInstanceOf(FixelfError);
      expect(failure).toMatchObject({ code, path, message: expect.stringContaining(message) });
    });
  });
});

describe("fixelf-patchelf on the PATH of a build", needs("gcc", "patchelf", "bash", "find"), () => {
  const fixup = fileURLToPath(new URL("../benchmarks/patchelf/fixup.sh", import.meta.url));
  it("leaves the same files as patchelf, after nixpkgs' fixup", () => {
    const theirs = pathOf("patchelf") as string;
    const home = scratchDirectory();
    const package_ = join(home, "package");
    const libraries = ["one", "two", "three"].map((name) => join(home, name, "lib"));
    for (const directory of libraries) mkdirSync(directory, { recursive: true });
    const [one = "", two = "", three = ""] = libraries;
    compile(join(one, "libvalue.so"), value, "-shared", "-fPIC", "-Wl,-soname,libvalue.so");
    compile(join(two, "libother.so"), other, "-shared", "-fPIC", "-Wl,-soname,libother.so");
    mkdirSync(package_);
    const needing = (name: string, source: string, ...options: string[]) =>
      compile(join(package_, name), source, "-Wl,--no-as-needed", ...options);
    needing("program", main, join(one, "libvalue.so"));
    needing("fixed-program", main, "-no-pie", join(two, "libother.so"), join(one, "libvalue.so"));
    needing("rpath-program", main, join(one, "libvalue.so"), "-Wl,--disable-new-dtags,-rpath,/a");
    needing("alone", "int main(void) { return 0; }", "-Wl,-rpath,/nothing/needs/this");
    needing("libplain.so", "int plain;", "-shared", "-fPIC", join(two, "libother.so"));
    writeFileSync(join(package_, "script"), "#!/bin/sh\n");
    const answers = Object.entries({ ours: programPath("patchelf"), theirs }).map(
      ([name, program]) => {
        const bin = join(home, `bin-${name}`);
        mkdirSync(bin);
        symlinkSync(program, join(bin, "patchelf"));
        const tree = join(home, name);
        cpSync(package_, tree, { recursive: true });
        const path = `${bin}:${process.env.PATH}`;
        const searchPath = [three, two, one, join(home, "absent")].join(":");
        expect(run([fixup, tree, searchPath], { env: { PATH: path } })).toEqual({
          stdout: "",
          stderr: "",
          code: 0,
          signal: null,
        });
        return readdirSync(tree).map((file) => ({
          file,
          ...Object.fromEntries(
            ["rpath", "needed", "interpreter"].map((question) => [
              question,
              run([theirs, `--print-${question}`, join(tree, file)]),
            ]),
          ),
        }));
      },
    );
    expect(answers[0]).toEqual(answers[1]);
    const searchPaths = Object.fromEntries(
      readdirSync(package_).map((file) => [
        file,
        run([theirs, "--print-rpath", join(home, "ours", file)]).stdout,
      ]),
    );
    expect(searchPaths).toEqual({
      program: `${one}\n`,
      "fixed-program": `${two}:${one}\n`,
      "rpath-program": `${one}\n`,
      alone: "\n",
      "libplain.so": `${two}\n`,
      script: "",
    });
  });
});
