// Libraries that a program opens while it runs: whose loader counts for them, and what it then refuses.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Diagnosis,
  dependencyTree,
  diagnose,
  environment,
  FixelfError,
  plan,
} from "../lib/index.js";
import { compile, compileWith } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot } from "./support/store.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);
const usualLoader = "/lib64/ld-linux-x86-64.so.2";
const none = { store: at("no-store"), index: false };

async function judge(path: string, program?: string): Promise<Diagnosis> {
  const [diagnosis] = await diagnose([path], {
    ...none,
    ...(program !== undefined && { program }),
  });
  return diagnosis as Diagnosis;
}

describe("a module of a virtual environment", needs("gcc", "x86-64"), () => {
  const modules = "venv/lib/python3/site-packages";
  let old: string;

  beforeAll(() => {
    compile(at("outside/python3"), "int main(void) { return 0; }");
    mkdirSync(at("venv/bin"), { recursive: true });
    writeFileSync(at("venv/pyvenv.cfg"), "home = ../outside\n");
    symlinkSync(at("outside/python3"), at("venv/bin/python"));
    // A libc from a release that does not exist, to link against.
    writeFileSync(at("newest.map"), "GLIBC_2.99 { newest; };");
    const libc = compile(
      at("newest/libc.so.6"),
      "int newest(void) { return 0; }",
      "-shared",
      "-nostdlib",
      "-Wl,-soname,libc.so.6",
      `-Wl,--version-script=${at("newest.map")}`,
    );
    const source = "int newest(void); int module(void) { return newest(); }";
    compile(at(`${modules}/new.so`), source, "-shared", "-fPIC", "-nostdlib", libc);
    old = compile(at(`${modules}/old.so`), "int module(void) { return 0; }", "-shared", "-fPIC");
  });

  it("is for a program inside its root, and one outside is reported", async () => {
    const root = new NixosRoot();
    const path = compile(root.in("opt/module.so"), "int module(void) { return 1; }", "-shared");
    const program = at("outside/python3");
    await expect(diagnose([path], { root: root.path, program })).rejects.toThrow(
      `--for ${program}: it is outside of ${root.path}`,
    );
    await expect(diagnose([path], { root: root.path, program: "/nowhere" })).rejects.toThrow(
      `--for /nowhere: it is outside of ${root.path}`,
    );
  });

  it("is refused if it needs a newer glibc than its Python has, and that Python is named", async () => {
    const { files } = await plan([at(modules)], none);
    const [newer, older] = files.sort((one, two) => (one.path < two.path ? -1 : 1));
    expect(newer?.refusal?.code).toBe("unsolvable");
    expect(newer?.refusal?.message).toContain("does not define GLIBC_2.99");
    expect(newer?.refusal?.message).toContain(
      `${at("venv/bin/python")}, which loads it, is started by`,
    );
    expect(older).toMatchObject({ refusal: null, edits: [] });
  });

  it("lacks a symbol that is defined neither by its program nor by what that needs", async () => {
    const source = (name: string) => `extern int ${name}; int *pointer = &${name};`;
    const lone = compile(at("data/lone.so"), source("nobodys"), "-shared", "-fPIC");
    const own = compile(at("data/own.so"), source("programs"), "-shared", "-fPIC");
    const main = `#include <dlfcn.h>
      #include <stdio.h>
      int programs = 1;
      int main(int count, char **words) {
        if (dlopen(words[count - 1], RTLD_LAZY)) return 0;
        return puts(dlerror()), 1;
      }`;
    const program = compile(at("data/program"), main, "-rdynamic");
    for (const [path, opens] of [
      [lone, false],
      [own, true],
    ] as const) {
      const { status, stdout } = spawnSync(program, [path], { encoding: "utf8" });
      expect(status === 0, stdout).toBe(opens);
      const { findings } = await judge(path, program);
      expect(findings.map(({ code }) => code)).toEqual(opens ? [] : ["symbol-missing"]);
      // It is unknown which program opens it.
      expect((await judge(path)).findings).toEqual([]);
    }
    expect((await judge(lone, program)).findings[0]?.message).toContain("defines nobodys");
  });

  it("belongs to the program given by the user, which has to be one", async () => {
    expect((await judge(old, at("outside/python3"))).verdict).toBe("healthy");
    await expect(judge(old, old)).rejects.toBeInstanceOf(FixelfError);
    const { files } = await plan([old], { ...none, program: at("outside/python3") });
    expect(files).toMatchObject([{ refusal: null }]);
  });
});

describe.each([
  { compiler: "gcc", runpathCounts: false },
  { compiler: "musl-gcc", runpathCounts: true },
])("a module without a search path ($compiler)", ({ compiler, runpathCounts }) => {
  const opening = `#include <dlfcn.h>
      #include <stdio.h>
      int main(int count, char **words) {
        if (dlopen(words[count - 1], RTLD_NOW)) return 0;
        return puts(dlerror()), 1;
      }`;

  it.each<[string, boolean, ...string[]]>([
    ["has loaded it", true, "-Wl,--no-as-needed", "LIBRARY", "-Wl,-rpath,$ORIGIN/lib"],
    ["has it in DT_RPATH", true, "-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib"],
    ["has it in DT_RUNPATH", runpathCounts, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib"],
    ["has it nowhere", false],
  ] as const)(
    "may need a library if its program %s: %s",
    needs("gcc", compiler, "x86-64"),
    async (how, opens, ...flags) => {
      const place = at(`opened/${compiler}/${how}`);
      const build = (name: string, source: string, ...options: string[]) =>
        compileWith(compiler, `${place}/${name}`, source, ...options);
      const shared = ["-shared", "-fPIC"];
      const named = "-Wl,-soname,libneeded.so";
      const library = build("lib/libneeded.so", "int needed;", ...shared, named);
      const source = "extern int needed; int *pointer = &needed;";
      const module = build("module.so", source, ...shared, library);
      const words = flags.map((flag) => (flag === "LIBRARY" ? library : flag));
      const program = build("program", opening, ...words);
      const { status, stdout } = spawnSync(program, [module], { encoding: "utf8" });
      expect(status === 0, stdout).toBe(opens);
      expect((await judge(module, program)).verdict).toBe(opens ? "healthy" : "broken");
      const { libraries } = await dependencyTree(module, { program });
      expect(libraries[0]).toMatchObject({ soname: "libneeded.so", path: opens ? library : null });
      const { files } = await plan([module], { ...none, program });
      expect(files).toMatchObject([{ edits: [], opener: program }]);
      expect(files[0]?.refusal === null).toBe(opens);
    },
  );
});

describe("a library that the named program cannot load", needs("gcc", "musl-gcc", "x86-64"), () => {
  const shared = ["-shared", "-fPIC"];
  let program: string;
  beforeAll(() => {
    program = compile(at("named/program"), "int main(void) { return 0; }");
    compile(
      at("named/lib/glibc.so"),
      "int puts(char *); int f(void) { return puts(0); }",
      ...shared,
    );
    const musl = "int puts(char *); int f(void) { return puts(0); }";
    compileWith("musl-gcc", at("named/lib/musl.so"), musl, ...shared);
  });

  it("is reported to be for another libc, and refused", async () => {
    const { verdict, findings } = await judge(at("named/lib/musl.so"), program);
    expect(verdict).toBe("broken");
    expect(findings).toMatchObject([{ code: "other-libc", severity: "error" }]);
    expect(findings[0]?.message).toContain(`${program} is for glibc on x86-64`);
    const { files } = await plan([at("named/lib/musl.so")], { ...none, program });
    expect(files[0]?.refusal?.message).toContain("cannot load a library for musl on x86-64");
  });

  it("has no tree and no environment with it", async () => {
    const library = at("named/lib/musl.so");
    const why = `${program} is for glibc on x86-64 (ELF64), and cannot load a library for musl`;
    await expect(dependencyTree(library, { ...none, program })).rejects.toThrow(why);
    const { problems } = await environment([library], { ...none, program });
    expect(problems).toMatchObject([{ code: "unsupported" }]);
    expect(problems[0]?.message).toContain(why);
  });

  it("is skipped below a directory", async () => {
    const found = await diagnose([at("named/lib")], { ...none, program });
    expect(found.map(({ verdict }) => verdict).sort()).toEqual(["healthy", "other-libc"]);
    const { files } = await plan([at("named/lib/musl.so"), at("named/lib")], { ...none, program });
    const [, ...below] = files;
    expect(below.every(({ refusal, edits }) => refusal === null && edits.length === 0)).toBe(true);
  });
});

describe("a library of a program whose loader is elsewhere", needs("gcc", "x86-64"), () => {
  let root: NixosRoot;
  let library: string;
  let program: string;
  beforeAll(() => {
    root = new NixosRoot();
    const runpath = `-Wl,-rpath,${root.glibc}`;
    program = compile(
      root.in("opt/program"),
      "int main(void) { return 0; }",
      ...[`-Wl,--dynamic-linker=${root.loader}`, runpath],
    );
    const source = "int puts(char *); int f(void) { return puts(0); }";
    library = compile(root.in("opt/lib/module.so"), source, "-shared", "-fPIC", runpath);
  });

  it("is looked up by that loader in its tree, as doctor does", async () => {
    const options = { root: root.path, index: false };
    expect((await dependencyTree(library, options)).interpreter.path).toBe(usualLoader);
    const tree = await dependencyTree(library, { ...options, program });
    expect(tree.interpreter).toMatchObject({ path: root.loader, found: true });
    expect(tree.problems).toEqual([]);
    await expect(dependencyTree(library, { ...options, program: library })).rejects.toThrow(
      `--for ${library}: it is no program that a loader starts`,
    );
    // A program names its loader itself.
    const own = await dependencyTree(program, { ...options, program: library });
    expect(own.interpreter.path).toBe(root.loader);
  });

  it.each(["doctor", "fix --dry-run", "tree", "env"])(
    "is what fixelf %s takes it for",
    (command) => {
      const words = [...command.split(" "), "--root", root.path, "--no-index", "--json", library];
      expect(fixelf([...words, "--for", program]).code).toBe(0);
      const { code, stdout } = fixelf([...words, "--for", library]);
      expect(code).toBe(2);
      expect(JSON.parse(stdout).error.message).toContain("it is no program that a loader starts");
    },
  );
});

describe("what a running program cannot open", needs("gcc", "x86-64"), () => {
  const shared = ["-shared", "-fPIC", "-ftls-model=initial-exec"];
  const opens = `#include <dlfcn.h>
    #include <stdio.h>
    int main(int count, char **words) {
      if (dlopen(words[1], RTLD_NOW)) return 0;
      fputs(dlerror(), stderr);
      return 1;
    }`;

  it.each([
    [64, [], null],
    [8192, [], "error"],
    [8192, ["-Wl,-soname,libown.so.1"], "warning"],
  ] as const)(
    "a library with %j bytes at fixed places, %j: %j",
    async (size, options, severity) => {
      const name = `own-${size}-${options.length}.so`;
      const text = `__thread char own[${size}]; char *module(void) { return own; }`;
      const module = compile(at(name), text, ...shared, ...options);
      const program = compile(at("opens"), opens, "-ldl");
      const { status, stderr } = spawnSync(program, [module], { encoding: "utf8" });
      expect(status === 0, stderr).toBe(severity === null);
      const { findings } = await judge(module);
      if (severity === null) return expect(findings).toEqual([]);
      expect(stderr).toContain("static TLS block");
      expect(findings).toMatchObject([{ code: "open-refused", severity }]);
      const preloaded = { LD_PRELOAD: module };
      expect(spawnSync(program, [module], { env: preloaded }).status).toBe(0);
    },
  );

  // On its own each of them has room.
  it.each([
    [600, 600, [], null],
    [1000, 1000, [], "error"],
    [64, 1000, ["-ftls-model=global-dynamic"], null],
    [1000, 1000, ["-ftls-model=global-dynamic"], null],
    [8192, 64, ["-ftls-model=global-dynamic"], null],
  ] as const)(
    "a library with %j bytes and %j in what it needs, %j: %j",
    async (own, other, options, severity) => {
      const name = `${own}-${other}-${options.length}`;
      const variable = (size: number, symbol: string) =>
        `__thread char ${symbol}_own[${size}]; char *${symbol}(void) { return ${symbol}_own; }`;
      const needed = compile(at(`libwith-${name}.so`), variable(other, "other"), ...shared);
      const module = compile(
        at(`with-${name}.so`),
        `char *other(void); char *both(void) { return other(); } ${variable(own, "own")}`,
        ...[...shared, ...options, needed],
      );
      const program = compile(at("opens"), opens, "-ldl");
      const { status, stderr } = spawnSync(program, [module], { encoding: "utf8" });
      expect(status === 0, stderr).toBe(severity === null);
      const { findings, verdict } = await judge(module);
      expect(findings.map((finding) => `${finding.severity} ${finding.code}`)).toEqual(
        severity === null ? [] : [`${severity} open-refused`],
      );
      expect(verdict).toBe(severity === null ? "healthy" : "broken");
      if (severity !== null) expect(stderr).toContain("static TLS block");
    },
  );

  // glibc 2.41's NEWS and elf/dl-execstack.c: "cannot enable executable stack as shared object requires". No loader of
  // that version is available here; this one claims to be.
  it("a library that wants an executable stack, from glibc 2.41 on", async () => {
    for (const [minor, refused] of [
      [40, false],
      [41, true],
    ] as const) {
      const root = new NixosRoot();
      const file = root.in(root.loader);
      const loader = readFileSync(file, "latin1");
      const version = /(stable release version 2\.)\d\d(?=\.)/;
      expect(loader).toMatch(version);
      writeFileSync(file, loader.replace(version, `$1${minor}`), "latin1");
      const ofRoot = [`-Wl,--dynamic-linker=${root.loader}`, `-Wl,-rpath,${root.glibc}:/opt`];
      const opener = compile(root.in("opt/opener"), "int main(void) { return 0; }", ...ofRoot);
      const text = "int module(void) { return 1; }";
      const wants = ["-shared", "-fPIC", "-z", "execstack", `-Wl,-rpath,${root.glibc}`];
      const judged = async (name: string, ...options: string[]) => {
        const path = compile(root.in(`opt/${name}`), text, ...wants, ...options);
        const [diagnosis] = await diagnose([path], { root: root.path, program: opener });
        return diagnosis?.findings.map(({ code, severity }) => `${severity} ${code}`);
      };
      expect(await judged("module.so")).toEqual(refused ? ["error open-refused"] : []);
      const named = await judged("libmodule.so.1", "-Wl,-soname,libmodule.so.1");
      expect(named).toEqual(refused ? ["warning open-refused"] : []);
      // With -z noexecstack, which comes last, nothing objects.
      expect(await judged("plain.so", "-z", "noexecstack")).toEqual([]);
      // A program that needs one from its start gets it.
      const program = compile(
        root.in("opt/program"),
        "int module(void); int main(void) { return module(); }",
        ...[root.in("opt/libmodule.so.1"), ...ofRoot],
      );
      const [diagnosis] = await diagnose([program], { root: root.path });
      expect(diagnosis).toMatchObject({ verdict: "healthy", findings: [] });
    }
  });
});
