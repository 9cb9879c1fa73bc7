// fixelf auto-patchelf on programs that were linked here, for this machine's own loader: a binutils
// wrapper like nixpkgs' names it, so that whatever is patched can really run.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { autoPatchelf as command } from "../lib/cli/auto_patchelf.js";
import { parseArguments } from "../lib/drop_in/auto_patchelf/arguments.js";
import { parseDlopenNote } from "../lib/drop_in/auto_patchelf/dlopen.js";
import { fnmatch } from "../lib/drop_in/auto_patchelf/fnmatch.js";
import { packagesOf } from "../lib/drop_in/auto_patchelf/packages.js";
import { thisMachine } from "../lib/file/machine.js";
import { autoPatchelf, inspect } from "../lib/index.js";
import { missingText } from "../lib/report/auto_patchelf.js";
import { compile, compileWith } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { ownLibrary } from "./support/store.js";

describe("auto-patchelf's command line", () => {
  const parse = (...words: string[]) => parseArguments(words);

  it("takes all words up to the next option", () => {
    expect(
      parse("--ignore-missing", "--paths", "a", "b", "--libs", "c", "--keep-libc"),
    ).toMatchObject({
      ignoreMissing: [],
      paths: ["a", "b"],
      libs: ["c"],
      keepLibc: true,
      recursive: true,
    });
  });
  it("takes the last of repeated options, an abbreviated name, and a value after =", () => {
    expect(parse("--paths", "a", "--pa=b", "--no-rec")).toMatchObject({
      paths: ["b"],
      recursive: false,
    });
  });
  it("gives everything after --extra-args to patchelf", () => {
    expect(parse("--paths", "a", "--extra-args", "--force-rpath", "--libs", "x")).toMatchObject({
      libs: [],
      extraArgs: ["--force-rpath", "--libs", "x"],
    });
  });
  it("takes for words negative numbers, and anything with a space", () => {
    expect(parse("--ignore-missing", "-1", "-a b", "--paths", "c")).toMatchObject({
      ignoreMissing: ["-1", "-a b"],
      paths: ["c"],
    });
  });
  it("writes paths as Python's Path does, and skips empty ones", () => {
    expect(parse("--paths", "./a//b/.", "/", "", ".", "../c/")?.paths).toEqual([
      "a/b",
      "/",
      ".",
      "../c",
    ]);
  });
  it.each([
    [["--libs", "a"], "the following arguments are required: --paths"],
    [["--paths", "a", "--bogus"], "unrecognized arguments: --bogus"],
    [["stray", "--paths", "a"], "unrecognized arguments: stray"],
    [["--paths=a", "b"], "unrecognized arguments: b"],
    [["--paths", "a", "--", "--libs"], "unrecognized arguments: -- --libs"],
    [["--paths", "a", "--extra-args", "b", "--"], "unrecognized arguments: --"],
    [["--paths=--", "a"], "unrecognized arguments: a"],
    [["--paths", "a", "--keep-libc=yes"], "argument --keep-libc: ignored explicit argument 'yes'"],
    [["--paths", "a", "--ignore"], "ambiguous option: --ignore could match"],
  ])("refuses %j", (words, message) => {
    expect(() => parse(...words)).toThrow(message);
  });
});

describe("auto-patchelf's --ignore-missing", () => {
  it.each([
    ["*", ".hidden", true],
    ["lib?.so", "liba.so", true],
    ["lib?.so", "lib.so", false],
    ["libstdc++.so.*", "libstdc++.so.6", true],
    ["lib[ab].so", "libb.so", true],
    ["lib[!ab].so", "libb.so", false],
    ["lib[!ab].so", "libc.so", true],
    ["lib[0-9].so", "lib7.so", true],
    ["lib[9-0].so", "lib7.so", false],
    ["lib[]].so", "lib].so", true],
    ["lib[.so", "lib[.so", true],
    ["lib{a,b}.so", "liba.so", false],
    ["!liba.so", "libb.so", false],
    ["lib(a|b)\\.so", "lib(a|b)\\.so", true],
    ["liba.so", "liba.so.1", false],
    ["", "", true],
  ])("matches %j against %j: %s", (pattern, name, matches) => {
    expect(fnmatch(pattern)(name)).toBe(matches);
  });
});

describe("a .note.dlopen", () => {
  it("names alternatives", () => {
    const text = '[{"feature":"x","soname":["a.so.2","a.so.1"]},{"soname":["b.so"]}]';
    expect(parseDlopenNote(text)).toEqual([["a.so.2", "a.so.1"], ["b.so"]]);
  });
  it.each([
    "",
    "{",
    "{}",
    "[1]",
    "[null]",
    '[{"soname":"a"}]',
    '[{"soname":[]}]',
    '[{"soname":[1]}]',
  ])("is rejected with the content %s", (text) => {
    expect(parseDlopenNote(text)).toBeNull();
  });
});

describe("auto-patchelf", needs("gcc", "objcopy"), () => {
  const directory = scratchDirectory();
  const bintools = join(directory, "bintools");
  const libc = join(directory, "libc");
  const sources = scratchDirectory();
  let out: string;
  let libs: string;
  let loader: string;
  let count = 0;

  /** A library with one function of the given name, which returns a number. */
  const library = (path: string, name: string, value: number, ...options: string[]) =>
    compile(
      path,
      `int ${name}(void) { return ${value}; }\n`,
      ...["-shared", "-fPIC", `-Wl,-soname,${basename(path)}`, ...options],
    );
  /** Prints the sum of the functions; it does not start as it is. */
  const program = (path: string, names: string[], ...options: string[]) =>
    compile(
      path,
      `#include <stdio.h>
       ${names.map((name) => `int ${name}(void);`).join("\n")}
       int main(void) { printf("%d\\n", ${["0", ...names.map((name) => `${name}()`)].join(" + ")}); }`,
      ...["-Wl,--dynamic-linker=/nowhere/ld.so", "-Wl,--allow-shlib-undefined", ...options],
    );
  /** A version script: the function belongs to the last version. */
  const versions = (name: string, ...defined: string[]) => {
    const script = join(sources, `${count++}.map`);
    const texts = defined.map((version, index) => {
      const isLast = index === defined.length - 1;
      return `${version} { ${isLast ? `global: ${name};` : ""} };`;
    });
    writeFileSync(script, texts.join("\n"));
    return `-Wl,--version-script=${script}`;
  };
  const patch = (...words: string[]) => patchFor(bintools, ...words);
  const patchFor = async (bintools: string, ...words: string[]) => {
    const said = { stdout: "", stderr: "" };
    const stream = (name: keyof typeof said) => ({
      write: (text: string) => {
        said[name] += text;
      },
    });
    const exitCode = await command(words, {
      env: { NIX_BINTOOLS: bintools },
      stdout: stream("stdout"),
      stderr: stream("stderr"),
    });
    return { exitCode, ...said, lines: said.stdout.split("\n") };
  };
  const run = (path: string) => execFileSync(path, { encoding: "utf8", env: {} }).trim();
  /** In C: a string for the assembler, in which the text is again a string. */
  const note = (text: string) => {
    const lines = [
      '.pushsection .note.dlopen, "a", %note',
      ".balign 4",
      ".long 4, 2f - 1f, 0x407c0c0a",
      '.asciz "FDO"',
      `1: .asciz ${JSON.stringify(text)}`,
      "2: .balign 4",
      ".popsection",
    ];
    return `__asm__(${JSON.stringify(lines.join("\n"))});`;
  };
  const searchPath = async (path: string) => {
    const { runpath, rpath } = await inspect(path);
    return (runpath ?? rpath)?.split(":") ?? null;
  };
  const runpath = async (path: string) => (await inspect(path)).runpath?.split(":") ?? null;

  beforeAll(async () => {
    const probe = compile(join(sources, "probe"), "int main(void) { return 0; }");
    loader = (await inspect(probe)).interpreter as string;
    mkdirSync(join(bintools, "nix-support"), { recursive: true });
    writeFileSync(join(bintools, "nix-support/dynamic-linker"), `${loader}\n`);
    writeFileSync(join(bintools, "nix-support/orig-libc"), `${libc}\n`);
    mkdirSync(join(libc, "lib"), { recursive: true });
    for (const name of ["libc.so.6", "libm.so.6"])
      symlinkSync(realpathSync(ownLibrary(name)), join(libc, "lib", name));
  });
  beforeEach(() => {
    out = scratchDirectory();
    libs = join(out, "..", `${basename(out)}-libs`);
    mkdirSync(libs);
  });

  it("sets the loader and the libraries' directories, and reports them as nixpkgs' own does", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const two = library(join(out, "lib/libtwo.so"), "two", 2, "-Wl,--no-as-needed", one);
    const path = program(join(out, "bin/program"), ["two", "one"], two, one);
    expect(spawnSync(path).error).toMatchObject({ code: "ENOENT" });

    const { exitCode, stderr, lines } = await patch("--paths", out, "--libs", libs);

    expect(stderr).toBe("");
    expect(lines.filter((line) => !line.startsWith("{"))).toEqual([
      "automatically fixing dependencies for ELF files",
      `setting interpreter of ${path}`,
      `searching for dependencies of ${path}`,
      `    libtwo.so -> found: ${join(out, "lib")}`,
      `    libone.so.1 -> found: ${libs}`,
      `setting RPATH to: ${join(out, "lib")}:${libs}`,
      `searching for dependencies of ${two}`,
      `    libone.so.1 -> found: ${libs}`,
      `setting RPATH to: ${libs}`,
      "auto-patchelf: 0 dependencies could not be satisfied",
      "",
    ]);
    expect(exitCode).toBe(0);
    expect(await inspect(path)).toMatchObject({ interpreter: loader });
    expect(run(path)).toBe("3");
  });

  it("changes nothing when it is run again", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const path = program(join(out, "program"), ["one"], one);
    await patch("--paths", out, "--libs", libs);
    const before = readFileSync(path);
    expect((await patch("--paths", out, "--libs", libs)).exitCode).toBe(0);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("keeps the names of one file together, unless they are to differ", async () => {
    const one = library(join(out, "lib/libone.so.1"), "one", 1);
    const path = program(join(out, "bin/program"), ["one"], one, "-Wl,-rpath,$ORIGIN/../lib");
    const [twin, stray] = [join(out, "bin/twin"), join(out, "deep/er/program")];
    mkdirSync(dirname(stray), { recursive: true });
    for (const name of [twin, stray, join(libs, "outside")]) linkSync(path, name);
    const before = readFileSync(path);
    expect((await patch("--paths", out, "--libs", libs)).exitCode).toBe(0);
    expect([path, twin, stray].map(run)).toEqual(["1", "1", "1"]);
    expect(statSync(twin).ino).toBe(statSync(path).ino);
    expect(await runpath(twin)).toEqual(["$ORIGIN/../lib"]);
    expect(await runpath(stray)).toEqual([join(out, "lib")]);
    expect(readdirSync(join(out, "bin"))).toEqual(["program", "twin"]);
    // What lies outside must not be patched.
    expect(readFileSync(join(libs, "outside")).equals(before)).toBe(true);
  });

  it("patches a read-only file, and leaves links and their targets alone", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const elsewhere = program(join(libs, "program"), ["one"], one);
    const path = join(out, "program");
    copyFileSync(elsewhere, path);
    chmodSync(path, 0o555);
    symlinkSync(elsewhere, join(out, "link"));
    const before = readFileSync(elsewhere);
    expect((await patch("--paths", out, "--libs", libs)).exitCode).toBe(0);
    expect(run(path)).toBe("1");
    expect(readFileSync(elsewhere).equals(before)).toBe(true);
  });

  describe("a library that stays missing", () => {
    beforeEach(() => {
      const gone = library(join(libs, "libgone.so.3"), "gone", 1);
      program(join(out, "program"), ["gone"], gone);
      rmSync(gone);
    });

    it("makes it fail, but the rest is patched", async () => {
      const { exitCode, stdout, stderr } = await patch("--paths", out, "--libs", libs);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("    libgone.so.3 -> not found!\n");
      expect(stdout).toContain("auto-patchelf: 1 dependencies could not be satisfied\n");
      expect(stdout).toContain(
        `error: auto-patchelf could not satisfy dependency libgone.so.3 wanted by ${out}/program\n`,
      );
      expect(stderr).toContain("auto-patchelf failed to find all the required dependencies.\n");
      expect((await inspect(join(out, "program"))).interpreter).toBe(loader);
    });

    it("is reported with the package of nixpkgs that has it", async () => {
      const known = library(join(libs, "libcrypt.so.1"), "known", 1);
      program(join(out, "program"), ["known"], known);
      rmSync(known);
      const { stderr } = await patch("--paths", out, "--libs", libs);
      expect(stderr).toMatch(
        /\nFor libcrypt\.so\.1, add pkgs\.libxcrypt-legacy to buildInputs\.\n$/,
      );
    });

    it("is reported with what is known about it if no current package has it", async () => {
      const names = ["libssl.so.1.1", "libreadline.so.5", "libcuda.so.1", "libcudart.so.13"];
      const missing = names.map((name) => ({ name, wantedBy: "program", pattern: null }));
      const packages = await packagesOf(missing, thisMachine(), async () => null);
      const [, , ...told] = missingText(packages, thisMachine()).text.split("\n");
      expect(told).toEqual([
        expect.stringMatching(
          /^libssl\.so\.1\.1 is in nixpkgs\/nixos-26\.05#openssl_1_1, .* instead\.$/,
        ),
        "nixpkgs#readline has libreadline.so.8 instead.",
        expect.stringMatching(/^libcuda\.so\.1 comes with the graphics driver, /),
        "For libcudart.so.13, add pkgs.cudaPackages_13.cuda_cudart to buildInputs (nixpkgs marks it as unfree: NIXPKGS_ALLOW_UNFREE=1).",
      ]);
    });

    it("is reported with the package that has it in nix-index's database", async () => {
      const locate = async (soname: string) => ({
        packages: [
          { attribute: "gone", output: "lib", name: "gone-3.1", system: null, isOwn: true },
        ].filter(() => soname === "libgone.so.3"),
        date: "2026-01-02",
      });
      const missing = ["libgone.so.3", "libnever.so.1"].map((name) => {
        return { name, wantedBy: "program", pattern: null };
      });
      const packages = await packagesOf(missing, thisMachine(), locate);
      expect(missingText(packages, thisMachine()).text).toMatch(
        /\nFor libgone\.so\.3, add pkgs\.gone\.lib to buildInputs \(nix-index's database of 2026-01-02\)\.$/,
      );
    });

    it.each(["libgone.so.3", "libgone.so.*", "*", "lib[!a]one.so.3"])(
      "is ignored with --ignore-missing %s",
      async (pattern) => {
        const { exitCode, stdout, stderr } = await patch(
          "--ignore-missing",
          "x",
          pattern,
          "--paths",
          out,
        );
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
        expect(stdout).toContain(
          `warn: auto-patchelf ignoring missing libgone.so.3 wanted by ${out}/program\n`,
        );
      },
    );

    it("is not ignored with a pattern for another name", async () => {
      expect((await patch("--paths", out, "--ignore-missing", "libgone.so")).exitCode).toBe(1);
    });
  });

  it("adds runtime dependencies to libraries that call dlopen, too", async () => {
    const calls = (name: string) => `int ${name}(void);\nint opener(void) { return ${name}(); }\n`;
    const make = (name: string, source: string) =>
      compile(join(out, name), source, "-shared", "-fPIC", `-Wl,-soname,${name}`);
    const opening = ["dlopen", "dlmopen"].map((name) => make(`lib-${name}.so`, calls(name)));
    const other = make("libother.so", calls("my_dlopen"));
    const defining = make("libdefining.so", "int dlopen(void) { return 0; }\n");
    await patch("--paths", out, "--runtime-dependencies", "/first/lib");
    for (const path of opening) expect(await runpath(path)).toEqual(["/first/lib"]);
    for (const path of [other, defining]) expect(await runpath(path)).toBeNull();
  });

  it("puts runtime dependencies first, in programs, and appended directories last", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const path = program(join(out, "program"), ["one"], one);
    const bundled = library(join(out, "libtwo.so"), "two", 2);
    const options = ["--runtime-dependencies", "/first/lib", "--append-rpaths", "/last", libs];
    await patch("--paths", out, "--libs", libs, ...options);
    expect(await runpath(path)).toEqual(["/first/lib", libs, "/last"]);
    expect(await runpath(bundled)).toEqual(["/last", libs]);
    expect(run(path)).toBe("1");
  });

  it("takes the output of lib.makeLibraryPath as directories", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const path = program(join(out, "program"), ["one"], one);
    const options = ["--runtime-dependencies", "/a:/b", "--append-rpaths", `/c:${libs}`];
    expect((await patch("--paths", out, ...options)).exitCode).toBe(0);
    expect(await runpath(path)).toEqual(["/a", "/b", libs, "/c"]);
  });

  it("passes the extra arguments on for each file that is changed", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const path = program(join(out, "program"), ["one"], one);
    const plain = library(join(out, "libplain.so"), "plain", 1);
    await patch(
      "--paths",
      out,
      "--libs",
      libs,
      "--extra-args",
      "--force-rpath",
      "--no-default-lib",
    );
    expect(await inspect(path)).toMatchObject({
      rpath: libs,
      runpath: null,
      noDefaultLibraries: true,
    });
    expect(await inspect(plain)).toMatchObject({ rpath: null, noDefaultLibraries: false });
    expect(spawnSync(path, { env: {} }).error).toBeUndefined();
  });

  it.each([
    [["libc.so.6"], "--extra-args takes no option of patchelf: libc.so.6"],
    [["--print-rpath"], "--extra-args takes only options that change a file"],
    [["--output", "x"], "--extra-args does not take --output"],
    [["--no-flush"], "--extra-args does not take --no-flush"],
    [["--page-size", "3"], "invalid argument to --page-size"],
  ])("refuses the extra arguments %j before it changes anything", async (extra, message) => {
    const path = program(join(out, "program"), []);
    const { exitCode, stderr } = await patch("--paths", out, "--extra-args", ...extra);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
    expect((await inspect(path)).interpreter).toBe("/nowhere/ld.so");
  });

  it("looks below the first level unless --no-recurse is given", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 1);
    const near = program(join(out, "program"), ["one"], one);
    const far = program(join(out, "below/program"), ["one"], one);
    await patch("--paths", out, "--libs", libs, "--no-recurse");
    expect((await inspect(near)).interpreter).toBe(loader);
    expect((await inspect(far)).interpreter).toBe("/nowhere/ld.so");
    await patch("--paths", far, "--libs", one);
    expect(run(far)).toBe("1");
  });

  it("writes the directory of libc only with --keep-libc", async () => {
    const path = program(join(out, "program"), []);
    await patch("--paths", out, "--libs", join(libc, "lib"));
    expect(await runpath(path)).toBeNull();
    await patch("--paths", out, "--keep-libc");
    expect(await runpath(path)).toBeNull();
    await patch("--paths", out, "--libs", join(libc, "lib"), "--keep-libc");
    expect(await runpath(path)).toEqual([dirname(realpathSync(join(libc, "lib/libc.so.6")))]);
    expect(run(path)).toBe("0");
  });

  describe("a directory with a colon in its name", () => {
    it("is reached through $ORIGIN from inside it", async () => {
      const tree = join(out, "v1:2");
      const one = library(join(tree, "lib/libone.so.1"), "one", 1);
      const path = program(join(tree, "bin/program"), ["one"], one);
      symlinkSync(join(tree, "bin"), join(out, "link"));
      expect((await patch("--paths", join(out, "link"), tree)).exitCode).toBe(0);
      expect(await runpath(path)).toEqual(["$ORIGIN/../lib"]);
      expect(run(path)).toBe("1");
    });

    it("is refused from outside it, and named", async () => {
      const one = library(join(libs, "v1:2/libone.so.1"), "one", 1);
      program(join(out, "program"), ["one"], one);
      const { exitCode, stdout } = await patch("--paths", out, "--libs", dirname(one));
      expect(exitCode).toBe(1);
      expect(stdout).toContain(
        `warn: auto-patchelf ${out}/program: no search path can name ${dirname(one)}: ` +
          "it would be split at the colon\n",
      );
    });
  });

  describe("--relativize-rpath", () => {
    const flag = "--relativize-rpath";

    it("writes directories below the same path relative to $ORIGIN, so that the tree can be moved", async () => {
      const one = library(join(out, "lib/libone.so.1"), "one", 1);
      const two = library(join(libs, "libtwo.so.1"), "two", 2);
      const path = program(join(out, "deep/bin/program"), ["one", "two"], one, two);
      const beside = program(join(out, "lib/program"), ["one"], one);
      const more = ["--append-rpaths", join(out, "later"), "/last"];
      await patch("--paths", out, "--libs", libs, ...more, flag);
      expect(await runpath(path)).toEqual([
        "$ORIGIN/../../lib",
        libs,
        "$ORIGIN/../../later",
        "/last",
      ]);
      expect(await runpath(beside)).toEqual(["$ORIGIN", "$ORIGIN/../later", "/last"]);
      cpSync(out, `${out}-moved`, { recursive: true });
      rmSync(out, { recursive: true });
      expect(run(path.replace(out, `${out}-moved`))).toBe("3");
    });

    it("keeps absolute paths for directories below another path", async () => {
      const one = library(join(out, "lib/libone.so.1"), "one", 1);
      const path = program(join(out, "bin/program"), ["one"], one);
      await patch("--paths", join(out, "bin"), join(out, "lib"), flag);
      expect(await runpath(path)).toEqual([join(out, "lib")]);
    });
  });

  it("writes events with --structured-logs, and only events, to stdout", async () => {
    const one = library(join(out, "lib/libone.so.1"), "one", 1);
    const gone = library(join(libs, "libgone.so.1"), "gone", 1);
    const path = program(join(out, "bin/program"), ["one", "gone"], one, gone);
    rmSync(gone);
    writeFileSync(join(out, "damaged"), readFileSync(path).subarray(0, 100));
    const words = ["--paths", out, "--structured-logs", "--ignore-missing", "x", "libgone.*"];
    const { exitCode, stdout, stderr } = await patch(...words);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const reason = expect.any(String);
    expect(events).toEqual([
      { SkipFile: { file: join(out, "damaged"), reason } },
      { SetInterpreter: { file: path, interpreter_path: loader } },
      { Dependency: { file: path, name: "libone.so.1", found: true, location: join(out, "lib") } },
      { Dependency: { file: path, name: "libgone.so.1", found: false, location: null } },
      { SetRpath: { file: path, rpath: join(out, "lib") } },
      { IgnoredDependency: { file: path, name: "libgone.so.1", pattern: "libgone.*" } },
    ]);
    const missed = await patch("--paths", out, "--structured-logs");
    expect(missed.exitCode).toBe(1);
    expect(missed.stderr).toContain(
      "auto-patchelf failed to find all the required dependencies.\n",
    );
  });

  it("does not take a libc that comes with the program, because it does not fit the loader", async () => {
    const one = library(join(out, "lib/libone.so.1"), "one", 1);
    const path = program(join(out, "program"), ["one"], one);
    library(join(out, "lib/libc.so.6"), "not_libc", 0);
    const { stdout } = await patch("--paths", out);
    expect(stdout).toContain(`setting RPATH to: ${join(libc, "lib")}:${join(out, "lib")}\n`);
    expect(run(path)).toBe("1");
  });

  it("takes bundled libraries unless --ignore-existing is given", async () => {
    const bundled = library(join(out, "libone.so.1"), "one", 1);
    library(join(libs, "libone.so.1"), "one", 5);
    const path = program(join(out, "program"), ["one"], bundled, "-Wl,-rpath,$ORIGIN");
    copyFileSync(path, join(out, "other"));
    await patch("--paths", path, bundled, "--libs", libs);
    expect(run(path)).toBe("1");
    await patch("--paths", join(out, "other"), bundled, "--libs", libs, "--ignore-existing");
    expect(await runpath(join(out, "other"))).toEqual([libs]);
    expect(run(join(out, "other"))).toBe("5");
  });

  describe("$ORIGIN", () => {
    const braced = `\${ORIGIN}/../lib`;
    const withOrigin = () => {
      const bundled = library(join(out, "lib/libone.so.1"), "one", 1);
      const outside = library(join(libs, "libtwo.so.1"), "two", 2);
      const entries = `$ORIGIN/gone:/vendor:${braced}`;
      return program(
        join(out, "bin/program"),
        ["one", "two"],
        bundled,
        outside,
        `-Wl,-rpath,${entries}`,
      );
    };

    it("is kept where it leads somewhere, so that the tree can be moved", async () => {
      const path = withOrigin();
      const { stdout } = await patch("--paths", out, "--libs", libs);
      expect(stdout).toContain(`    libone.so.1 -> found: ${join(out, "lib")}\n`);
      expect(await runpath(path)).toEqual([braced, libs]);
      cpSync(out, `${out}-moved`, { recursive: true });
      rmSync(out, { recursive: true });
      expect(run(path.replace(out, `${out}-moved`))).toBe("3");
    });

    it("is kept despite --ignore-existing with --preserve-origin", async () => {
      const path = withOrigin();
      await patch("--paths", out, "--libs", libs, "--ignore-existing", "--preserve-origin");
      expect(await runpath(path)).toEqual([braced, libs]);
      expect(run(path)).toBe("3");
    });

    it("is recognised as by glibc, whatever follows", async () => {
      const bundled = library(join(out, "bin-libs/libone.so.1"), "one", 1);
      const path = program(join(out, "bin/program"), ["one"], bundled, "-Wl,-rpath,$ORIGIN-libs");
      expect((await patch("--paths", path)).exitCode).toBe(0);
      expect(await runpath(path)).toEqual(["$ORIGIN-libs"]);
      expect(run(path)).toBe("1");
    });

    it("is not recognised at the beginning of a longer name", async () => {
      const bundled = library(join(out, "binary/libone.so.1"), "one", 1);
      const path = program(join(out, "bin/program"), ["one"], bundled, "-Wl,-rpath,$ORIGINary");
      const { exitCode, stdout } = await patch("--paths", path);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("    libone.so.1 -> not found!\n");
    });

    it("is resolved through links, as by the kernel", async () => {
      mkdirSync(join(out, "real/deep"), { recursive: true });
      symlinkSync(join(out, "real/deep"), join(out, "link"));
      const bundled = library(join(out, "real/lib/libone.so.1"), "one", 1);
      const path = program(
        join(out, "real/deep/program"),
        ["one"],
        bundled,
        "-Wl,-rpath,$ORIGIN/../lib",
      );
      await patch("--paths", join(out, "link"));
      expect(await runpath(path)).toEqual(["$ORIGIN/../lib"]);
      expect(run(path)).toBe("1");
    });
  });

  describe("the search path that a program passes on", () => {
    const passing = (...more: string[]) => {
      const one = library(join(out, "lib/libone.so.1"), "one", 1);
      const user = compile(
        join(out, "plugins/libuser.so"),
        "int one(void);\nint user(void) { return one(); }\n",
        ...["-shared", "-fPIC", "-Wl,-soname,libuser.so", one],
      );
      const tags = ["-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib:$ORIGIN/../plugins"];
      return { user, path: program(join(out, "bin/program"), ["user"], user, ...tags, ...more) };
    };

    it("by DT_RPATH serves its libraries too", async () => {
      const { user, path } = passing();
      // The library that the other one needs is below none of the paths.
      const { exitCode } = await patch("--paths", path, user);
      expect(exitCode).toBe(0);
      expect(run(path)).toBe("1");
    });

    it("by DT_RPATH stays a DT_RPATH, for libraries that are not patched", async () => {
      const { path } = passing();
      expect((await patch("--paths", path)).exitCode).toBe(0);
      expect(await inspect(path)).toMatchObject({
        runpath: null,
        rpath: "$ORIGIN/../lib:$ORIGIN/../plugins",
      });
      expect(run(path)).toBe("1");
    });

    it("is empty if it also has a RUNPATH", async () => {
      // No linker today writes both, so the tag for its auditors (DT_AUDIT) is turned into a
      // DT_RUNPATH.
      const { user, path } = passing(`-Wl,--audit=${libs}/nowhere`);
      const bytes = readFileSync(path);
      const audit = bytes.indexOf(bytes[5] === 1 ? "fcfeff6f" : "6ffffefc", "hex");
      bytes.fill(0, audit, audit + 4)[bytes[5] === 1 ? audit : audit + 3] = 29;
      writeFileSync(path, bytes);
      expect(await inspect(path)).toMatchObject({ runpath: `${libs}/nowhere` });
      const { exitCode, stdout } = await patch("--paths", user, path);
      expect(exitCode).toBe(1);
      expect(stdout).toContain(`could not satisfy dependency libone.so.1 wanted by ${user}\n`);
    });
  });

  describe("symbol versions", () => {
    it("make it skip a library that does not define what is needed", async () => {
      const old = join(libs, "old/libone.so.1");
      const current = join(libs, "new/libone.so.1");
      library(old, "one", 1, versions("one", "ONE_1"));
      library(current, "one", 2, versions("one", "ONE_1", "ONE_2"));
      const path = program(join(out, "program"), ["one"], current);
      await patch("--paths", out, "--libs", dirname(old), dirname(current));
      expect(run(path)).toBe("2");
    });

    it("make it search the right one's directory first, where another directory is needed too", async () => {
      const current = library(join(libs, "new/libone.so.1"), "one", 2, versions("one", "ONE_2"));
      const other = library(join(libs, "old/libother.so"), "other", 40);
      library(join(libs, "old/libone.so.1"), "one", 1, versions("one", "ONE_1"));
      const path = program(join(out, "program"), ["other", "one"], other, current);
      await patch("--paths", out, "--libs", join(libs, "old"), join(libs, "new"));
      expect(await runpath(path)).toEqual([join(libs, "new"), join(libs, "old")]);
      expect(run(path)).toBe("42");
    });

    it("make it choose one that serves the whole process, which loads only one", async () => {
      const bundled = library(join(out, "lib/libone.so.1"), "one", 1, versions("one", "ONE_1"));
      const old = join(libs, "old.map");
      writeFileSync(old, "ONE_1 { global: one; };\nONE_2 { global: newer; } ONE_1;\n");
      const both = compile(
        join(libs, "libone.so.1"),
        "int one(void) { return 1; }\nint newer(void) { return 10; }\n",
        ...["-shared", "-fPIC", "-Wl,-soname,libone.so.1", `-Wl,--version-script=${old}`],
      );
      const user = compile(
        join(libs, "libuser.so"),
        "int newer(void);\nint user(void) { return newer(); }\n",
        ...["-shared", "-fPIC", "-Wl,-soname,libuser.so", both, `-Wl,-rpath,${libs}`],
      );
      const path = program(join(out, "program"), ["one", "user"], bundled, user);
      await patch("--paths", out, "--libs", libs);
      expect(run(path)).toBe("11");
    });

    it("make it report where one directory would have to come both before and after another", async () => {
      const paths = ["a", "b"].flatMap((place) =>
        ["one", "two"].map((name) => join(libs, place, `lib${name}.so.1`)),
      );
      const make = (path: string, name: string, version: string) =>
        library(path, name, 1, versions(name, version));
      const [oneInA = "", twoInA = "", oneInB = "", twoInB = ""] = paths;
      make(oneInA, "one", "ONE_1");
      make(twoInA, "two", "TWO_2");
      make(oneInB, "one", "ONE_2");
      make(twoInB, "two", "TWO_1");
      const path = program(join(out, "program"), ["one", "two"], oneInB, twoInA);
      const { stdout } = await patch("--paths", out, "--libs", dirname(oneInA), dirname(oneInB));
      expect(stdout).toMatch(
        new RegExp(
          `warn: auto-patchelf ${path}: lib(one|two)\\.so\\.1 is taken from .*, which comes first\n`,
        ),
      );
    });

    it("make it skip a library for which the libc is too old, and report that for a program", async () => {
      const newer = library(
        join(out, "libm.so.6"),
        "from_libm",
        1,
        versions("from_libm", "GLIBC_9.9"),
      );
      const tooNew = compile(
        join(libs, "a/libone.so.1"),
        "int from_libm(void);\nint one(void) { return from_libm(); }\n",
        ...["-shared", "-fPIC", "-Wl,-soname,libone.so.1", newer],
      );
      library(join(libs, "b/libone.so.1"), "one", 2);
      const path = program(join(out, "program"), ["one"], tooNew);
      const other = program(join(out, "other"), ["from_libm"], newer);
      const { exitCode, stdout } = await patch(
        ...["--paths", path, other, "--libs", join(libs, "a"), join(libs, "b")],
      );
      expect(run(path)).toBe("2");
      expect(exitCode).toBe(0);
      expect(stdout).toContain(
        `warn: auto-patchelf ${other}: libm.so.6 in ${libc}/lib does not define GLIBC_9.9\n`,
      );
    });

    it("do not keep it from taking the only library, and it reports what that lacks", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 2, versions("one", "ONE_2"));
      program(join(out, "program"), ["one"], one);
      library(one, "one", 1, versions("one", "ONE_1"));
      const { exitCode, stdout } = await patch("--paths", out, "--libs", libs);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(
        `warn: auto-patchelf ${out}/program: libone.so.1 in ${libs} does not define ONE_2\n`,
      );
    });
  });

  describe("names", () => {
    it("finds a library by its soname, and makes the program need it by its file name", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 7, versions("one", "ONE_1"));
      const path = program(join(out, "program"), ["one"], one);
      execFileSync("mv", [one, join(libs, "libone-1.2.3.so")]);
      const { exitCode } = await patch("--paths", out, "--libs", libs);
      expect(exitCode).toBe(0);
      expect((await inspect(path)).needed).toContain("libone-1.2.3.so");
      expect(run(path)).toBe("7");
    });

    it("prefers files of that name, and among them the one with that soname", async () => {
      const renamed = library(join(libs, "a/libone.so.1"), "one", 1, "-Wl,-soname,libelse.so.9");
      const right = library(join(libs, "b/libone.so.1"), "one", 2);
      copyFileSync(right, join(libs, "b/libone-2.so"));
      const path = program(join(out, "program"), ["one"], right);
      await patch("--paths", out, "--libs", dirname(renamed), dirname(right));
      expect((await inspect(path)).needed).toContain("libone.so.1");
      expect(run(path)).toBe("2");
    });

    it("leaves a name alone that may stay missing and is only another file's soname", async () => {
      const driver = library(join(libs, "libdriver.so.1"), "driver", 3);
      library(join(out, "lib/libdriver.so"), "driver", 1, "-Wl,-soname,libdriver.so.1");
      const path = program(join(out, "program"), ["driver"], driver);
      const { exitCode, stdout } = await patch(
        ...["--paths", out, "--ignore-missing", "libdriver.so.*"],
      );
      expect(exitCode).toBe(0);
      expect(stdout).toContain("warn: auto-patchelf ignoring missing libdriver.so.1 wanted by");
      expect((await inspect(path)).needed).toContain("libdriver.so.1");
    });

    it("prefers a file of that name in an appended directory to one that only has that soname", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 3);
      library(join(out, "lib/libone-2.so"), "one", 1, "-Wl,-soname,libone.so.1");
      const path = program(join(out, "program"), ["one"], one);
      expect((await patch("--paths", out, "--append-rpaths", libs)).exitCode).toBe(0);
      expect(run(path)).toBe("3");
    });

    it("takes no library from a directory of stubs, neither through a link nor through $ORIGIN", async () => {
      const stub = library(join(out, "lib64/stubs/libdriver.so.1"), "driver", 1);
      symlinkSync(stub, join(out, "lib64/libdriver.so.1"));
      const origin = "-Wl,-rpath,$ORIGIN/../lib64/stubs";
      const path = program(join(out, "bin/program"), ["driver"], stub, origin);
      const { exitCode, stdout } = await patch("--paths", out, "--append-rpaths", "/driver");
      expect(exitCode).toBe(1);
      expect(stdout).toContain("    libdriver.so.1 -> not found!\n");
      expect(await runpath(path)).toEqual(["/driver"]);
    });

    it("takes the one nearest to each program among several libraries of one name", async () => {
      for (const [index, place] of ["a/bin", "b/deep/er"].entries())
        library(join(out, place, "libone.so.1"), "one", index + 1);
      const near = join(out, "a/bin/libone.so.1");
      const places = ["a/bin", "a/other", "b", "b/deep/er", "b/deep"];
      const paths = places.map((place) => program(join(out, place, "program"), ["one"], near));
      expect((await patch("--paths", out)).exitCode).toBe(0);
      expect(paths.map(run)).toEqual(["1", "1", "2", "2", "2"]);
    });

    it("prefers the library that is higher up, and then the first by name", async () => {
      const far = library(join(out, "lib/a/libone.so.1"), "one", 1);
      library(join(out, "lib/a/b/libone.so.1"), "one", 2);
      const near = library(join(out, "lib/libone.so.1"), "one", 3);
      const path = program(join(out, "program"), ["one"], near);
      await patch("--paths", out);
      expect(run(path)).toBe("3");
      rmSync(near);
      await patch("--paths", out);
      expect(await runpath(path)).toEqual([dirname(far)]);
      expect(run(path)).toBe("1");
    });

    it("keeps a name that is a path to a file, and corrects one that is not", async () => {
      const one = compile(
        join(libs, "libone.so"),
        "int one(void) { return 3; }",
        "-shared",
        "-fPIC",
      );
      const path = program(join(out, "program"), ["one"], one); // no soname, so needed by its path
      await patch("--paths", out);
      expect((await inspect(path)).needed).toContain(one);
      expect(run(path)).toBe("3");
      mkdirSync(join(libs, "moved"));
      execFileSync("mv", [one, join(libs, "moved")]);
      const { exitCode } = await patch("--paths", out, "--libs", join(libs, "moved"));
      expect(exitCode).toBe(0);
      expect((await inspect(path)).needed).toContain("libone.so");
      expect(run(path)).toBe("3");
    });

    it("writes the directory of the file that a link of the same name leads to", async () => {
      const one = library(join(libs, "package/lib/libone.so.1"), "one", 4);
      mkdirSync(join(libs, "profile"));
      symlinkSync(one, join(libs, "profile/libone.so.1"));
      const path = program(join(out, "program"), ["one"], one);
      await patch("--paths", out, "--libs", join(libs, "profile"));
      expect(await runpath(path)).toEqual([dirname(one)]);
      expect(run(path)).toBe("4");
    });

    it("follows the search path of a library that it encounters", async () => {
      const hidden = library(join(libs, "hidden/libone.so.1"), "one", 6);
      library(join(libs, "shown/libtwo.so"), "two", 2, `-Wl,-rpath,${dirname(hidden)}`);
      const path = program(join(out, "program"), ["one"], hidden);
      await patch("--paths", out, "--libs", join(libs, "shown"));
      expect(run(path)).toBe("6");
    });
  });

  it("patches files without section headers", async () => {
    const one = library(join(libs, "libone.so.1"), "one", 8);
    const path = program(join(out, "program"), ["one"], one);
    const bytes = readFileSync(path);
    if (bytes[4] === 2) bytes.fill(0, 40, 48).fill(0, 58, 64);
    else bytes.fill(0, 32, 36).fill(0, 46, 52);
    writeFileSync(path, bytes);
    expect(await inspect(path)).toMatchObject({ sectionHeaders: false });
    await patch("--paths", out, "--libs", libs);
    expect(run(path)).toBe("8");
  });

  describe(".note.dlopen", () => {
    const opener = (text: string) =>
      compile(
        join(out, "program"),
        `${note(text)}
         #include <dlfcn.h>
         #include <stdio.h>
         int main(void) {
           void *library = dlopen("libone.so.1", RTLD_NOW);
           if (!library) { puts(dlerror()); return 1; }
           printf("%d\\n", ((int (*)(void))dlsym(library, "one"))());
           return 0;
         }`,
        ...["-Wl,--dynamic-linker=/nowhere/ld.so", "-ldl"],
      );

    it("makes it add the first available library of each feature", async () => {
      library(join(libs, "libone.so.1"), "one", 9);
      const path = opener(
        '[{"feature":"f","priority":"required","soname":["libone.so.2","libone.so.1"]}]',
      );
      const { exitCode, stdout } = await patch("--paths", out, "--libs", libs);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`    libone.so.1 -> found: ${libs}\n`);
      expect(run(path)).toBe("9");
    });

    it("is reported as missing if none of its libraries are available", async () => {
      opener('[{"soname":["libone.so.2","libone.so.1"]}]');
      const name = "any(libone.so.2, libone.so.1)";
      const { exitCode, stdout } = await patch("--paths", out);
      expect(exitCode).toBe(1);
      expect(stdout).toContain(`    ${name} -> not found!\n`);
      expect(stdout).toContain(`could not satisfy dependency ${name} wanted by ${out}/program\n`);
      expect((await patch("--paths", out, "--ignore-missing", "libone.so.*")).exitCode).toBe(0);
    });

    it("is taken for a path, and not searched for, if it has a slash", async () => {
      const one = library(join(out, "lib/libone.so.1"), "one", 9);
      const path = opener(
        '[{"soname":["sub/libone.so.1"]},{"soname":["$ORIGIN/lib/libone.so.1"]}]',
      );
      const { exitCode, stdout } = await patch("--paths", path, "--libs", dirname(one));
      expect(exitCode).toBe(1);
      expect(stdout).toContain("    sub/libone.so.1 -> not found!\n");
      expect(stdout).not.toContain("ORIGIN/lib/libone.so.1 -> not found");
    });

    it("is skipped if it is damaged", async () => {
      opener("[{");
      const { exitCode, stdout } = await patch("--paths", out);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("its .note.dlopen is not what the specification says");
    });
  });

  describe("leaves alone", () => {
    const untouched = async (path: string, reason: string) => {
      const before = readFileSync(path);
      const { exitCode, stdout } = await patch("--paths", path, "--append-rpaths", "/appended");
      expect(stdout).toContain(`skipping ${path} because ${reason}`);
      expect(exitCode).toBe(0);
      expect(readFileSync(path).equals(before)).toBe(true);
    };
    const main = "int main(void) { return 0; }";

    it("static programs, PIE or not", async () => {
      for (const option of ["-static", "-static-pie"]) {
        const path = compile(join(out, option), main, option);
        await untouched(path, "it is statically linked");
        run(path);
      }
    });

    it("object files, and programs for other machines", async () => {
      await untouched(compile(join(out, "object.o"), main, "-c"), "it contains no segment");
      const path = compile(join(out, "foreign"), main);
      const bytes = readFileSync(path);
      bytes[bytes[5] === 1 ? 18 : 19] = 254; // e_machine: a value that no machine has
      writeFileSync(path, bytes);
      await untouched(path, "its architecture (machine-254");
    });

    it("separate debug information, even where libraries are", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 1, "-g");
      const path = program(join(out, "program"), ["one"], one);
      execFileSync("objcopy", ["--only-keep-debug", one]);
      execFileSync("objcopy", ["--only-keep-debug", path, `${path}.debug`]);
      await untouched(`${path}.debug`, "it looks like a separate debug object");
      const { exitCode, stdout } = await patch("--paths", out, "--libs", libs);
      expect(stdout).toContain(`skipping ${one} because it looks like a separate debug object\n`);
      expect(exitCode).toBe(1);
    });

    it("damaged files, and patches the others", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 1);
      const path = program(join(out, "program"), ["one"], one);
      writeFileSync(join(out, "damaged.so"), readFileSync(one).subarray(0, 200));
      writeFileSync(join(out, "text.so"), "GROUP ( libone.so.1 )");
      const { exitCode, stdout } = await patch("--paths", out, "--libs", libs);
      expect(stdout).toContain(`skipping ${out}/damaged.so because `);
      expect(exitCode).toBe(0);
      expect(run(path)).toBe("1");
    });

    describe("files for another libc", needs("musl-gcc"), () => {
      /** A wrapper that names a program's own loader. */
      const muslTarget = async (path: string) => {
        const musl = scratchDirectory();
        for (const part of ["lib", "nix-support"]) mkdirSync(join(musl, part), { recursive: true });
        const { interpreter } = await inspect(path);
        writeFileSync(join(musl, "nix-support/dynamic-linker"), interpreter as string);
        writeFileSync(join(musl, "nix-support/orig-libc"), musl);
        symlinkSync(realpathSync(interpreter as string), join(musl, "lib/libc.so"));
        return musl;
      };

      it("programs and libraries for musl", async () => {
        const path = compileWith("musl-gcc", join(out, "program"), main);
        await untouched(path, "its libc (musl) differs from target (glibc)");
        run(path);
        const shared = compileWith("musl-gcc", join(out, "lib.so"), "", "-shared", "-fPIC");
        await untouched(shared, "its libc (musl) differs from target (glibc)");
      });

      it("programs and libraries for glibc, when the target is musl", async () => {
        const musl = await muslTarget(compileWith("musl-gcc", join(directory, "alike"), main));
        const path = compile(join(out, "program"), main);
        const shared = library(join(out, "libone.so.1"), "one", 1, "-Wl,--no-as-needed", "-lc");
        const before = [path, shared].map((each) => readFileSync(each));
        const { exitCode, stdout } = await patchFor(musl, "--paths", out);
        for (const each of [path, shared])
          expect(stdout).toContain(
            `skipping ${each} because its libc (glibc) differs from target (musl)\n`,
          );
        expect(exitCode).toBe(0);
        expect([path, shared].map((each) => readFileSync(each))).toEqual(before);
      });

      it("but not those that need musl by Alpine's name, or by one that musl resolves itself", async () => {
        const reserved = ["libc.musl-any.so.1", "libpthread.so", "libm.so"];
        const stubs = reserved.map((name) =>
          compileWith("musl-gcc", join(libs, name), "", "-shared", `-Wl,-soname,${name}`),
        );
        const alpine = compileWith(
          "musl-gcc",
          join(out, "it"),
          main,
          "-Wl,--no-as-needed",
          ...stubs,
        );
        rmSync(libs, { recursive: true });
        const { exitCode, stdout } = await patchFor(await muslTarget(alpine), "--paths", out);
        for (const name of reserved) expect(stdout).not.toContain(`${name} -> not found`);
        expect(exitCode).toBe(0);
        expect(await searchPath(alpine)).toBe(null);
        run(alpine);
      });

      it("but not modules for a musl target, whose dlopen searches the program's path", async () => {
        const make = (name: string, source: string, ...options: string[]) =>
          compileWith("musl-gcc", name, source, ...options);
        const shared = (file: string, source: string, ...options: string[]) =>
          make(file, source, "-shared", "-fPIC", `-Wl,-soname,${basename(file)}`, ...options);
        const opened = shared(join(libs, "libopened.so.1"), "int opened(void) { return 4; }");
        const opener = shared(
          join(out, "lib/libopener.so"),
          `${note('[{"soname":["libopened.so.1"]}]')}
           #include <dlfcn.h>
           int opener(void) {
             void *library = dlopen("libopened.so.1", RTLD_NOW);
             return library ? ((int (*)(void))dlsym(library, "opened"))() : 0;
           }`,
        );
        const between = shared(
          join(out, "lib/libbetween.so"),
          "int opener(void);\nint between(void) { return opener(); }",
          opener,
        );
        const main = "int between(void);\nint main(void) { return between() == 4 ? 0 : 1; }";
        const path = make(join(out, "bin/program"), main, between, "-Wl,--allow-shlib-undefined");
        const musl = await muslTarget(path);
        const { exitCode } = await patchFor(musl, "--paths", out, "--libs", dirname(opened));
        expect(exitCode).toBe(0);
        expect(await searchPath(path)).toEqual([join(out, "lib"), dirname(opened)]);
        run(path);
      });
    });
  });

  describe("what goes wrong", () => {
    it("shows its usage, and exits with 2", async () => {
      const { exitCode, stdout, stderr } = await patch("--libs", libs);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
      expect(stderr).toMatch(
        /^usage: .*\nauto-patchelf: error: the following arguments are required: --paths\n$/,
      );
    });

    it("has nothing to do without a path", async () => {
      const { exitCode, stderr } = await patch("--paths", "--libs", libs);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("No paths to patch, stopping.");
    });

    it("skips paths that do not exist", async () => {
      expect(
        (await patch("--paths", join(out, "gone"), "--libs", join(out, "gone"))).exitCode,
      ).toBe(0);
    });

    it.each([
      ["", "NIX_BINTOOLS is not set"],
      ["/nowhere", "/nowhere/nix-support/dynamic-linker: cannot read it (ENOENT)"],
    ])("rejects NIX_BINTOOLS=%s", async (value, message) => {
      let stderr = "";
      const exitCode = await command(["--paths", out], {
        env: { NIX_BINTOOLS: value },
        stdout: { write: () => true },
        stderr: { write: (text) => (stderr += text) },
      });
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
    });
  });

  describe("as a function of the API", () => {
    it("returns as data what became of each file", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 1);
      const gone = library(join(libs, "libgone.so.3"), "gone", 1);
      const path = program(join(out, "program"), ["one", "gone"], one, gone);
      rmSync(gone);
      const torn = join(out, "torn");
      writeFileSync(torn, readFileSync(path).subarray(0, 100));
      const outcome = await autoPatchelf([`${out}/./`], {
        bintools,
        libs: [libs],
        appendRpaths: ["/opt/lib"],
        extra: { noDefaultLib: true },
      });
      const found = (name: string, location: string | null) => ({
        alternatives: [name],
        found: { name, location, rename: null },
      });
      expect(outcome).toEqual({
        files: [
          {
            path,
            skipped: null,
            interpreter: loader,
            dependencies: [
              found("libone.so.1", libs),
              { alternatives: ["libgone.so.3"], found: null },
              found("libc.so.6", null),
            ],
            searchPath: [libs, "/opt/lib"],
            searchPathTag: "runpath",
            warnings: [],
          },
        ],
        debugObjects: [],
        unread: [{ path: torn, error: { code: "truncated", message: expect.any(String) } }],
        failed: [],
        missing: [{ name: "libgone.so.3", wantedBy: path, pattern: null }],
      });
      expect(await inspect(path)).toMatchObject({
        interpreter: loader,
        runpath: `${libs}:/opt/lib`,
        noDefaultLibraries: true,
      });
    });

    it("lets explicit settings win, and reports conflicting ones", async () => {
      const one = library(join(libs, "libone.so.1"), "one", 1);
      const path = program(join(out, "program"), ["one"], one);
      const options = { bintools, libs: [libs] };
      const at = { path, error: { code: "usage" } };
      expect(await autoPatchelf([out], { ...options, extra: { addRpath: ["/x"] } })).toMatchObject({
        failed: [at],
      });
      expect(await runpath(path)).toBeNull();
      await autoPatchelf([out], { ...options, extra: { setRpath: ["/x"], setInterpreter: "/l" } });
      expect(await inspect(path)).toMatchObject({ interpreter: "/l", runpath: "/x" });
    });

    it("rejects if there is no binutils wrapper, and when it is cancelled", async () => {
      await expect(autoPatchelf([out], { bintools: "/nowhere" })).rejects.toMatchObject({
        name: "FixelfError",
        code: "not-found",
        path: "/nowhere/nix-support/dynamic-linker",
      });
      const reason = new Error("wanted no longer");
      const signal = AbortSignal.abort(reason);
      await expect(autoPatchelf([out], { bintools, signal })).rejects.toMatchObject({
        code: "cancelled",
        cause: reason,
      });
    });
  });
});
