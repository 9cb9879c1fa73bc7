// Symbols that are bound at start: the judge reports as missing exactly those that this machine's loader does not find.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Diagnosis, diagnose } from "../lib/index.js";
import { compile, compileWith } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

/** What existed when the program was linked, what exists now, and how it was linked. */
interface Case {
  title: string;
  linked: string;
  present: string;
  /** Options for the library as it is now. */
  shared?: string[];
  main: string;
  options?: string[];
  environment?: Record<string, string>;
  /** The missing symbols; none if it starts. */
  missing: string[];
}

const none = "int unrelated;";
const one = "int one(void) { return 0; }";
const callsOne = "int one(void); int main(void) { return one(); }";
const now = ["-Wl,-z,now"];
const lazy = ["-Wl,-z,lazy"];

const cases: Case[] = [
  {
    title: "a function that is bound at once",
    linked: one,
    present: none,
    main: callsOne,
    options: now,
    missing: ["one"],
  },
  {
    title: "a function that is bound when it is called",
    linked: one,
    present: none,
    main: "int one(void); int main(int c, char **v) { return c > 9 ? one() : 0; }",
    options: lazy,
    missing: [],
  },
  {
    title: "the same with LD_BIND_NOW",
    linked: one,
    present: none,
    main: callsOne,
    options: lazy,
    environment: { LD_BIND_NOW: "1" },
    missing: ["one"],
  },
  {
    title: "a variable",
    linked: "int datum = 0;",
    present: none,
    main: "extern int datum; int main(void) { return datum; }",
    options: [...lazy, "-no-pie"],
    missing: ["datum"],
  },
  {
    title: "an address in data",
    linked: one,
    present: none,
    main: "int one(void); int (*pointer)(void) = one; int main(void) { return 0; }",
    options: lazy,
    missing: ["one"],
  },
  {
    title: "a weak reference",
    linked: one,
    present: none,
    main: "__attribute__((weak)) int one(void); int main(void) { return one ? one() : 0; }",
    options: now,
    missing: [],
  },
  {
    title: "a weak definition",
    linked: one,
    present: "__attribute__((weak)) int one(void) { return 0; }",
    main: callsOne,
    options: now,
    missing: [],
  },
  {
    title: "a hidden definition",
    linked: one,
    present: '__attribute__((visibility("hidden"))) int one(void) { return 0; }',
    main: callsOne,
    options: now,
    missing: ["one"],
  },
  {
    title: "a protected definition",
    linked: one,
    present: '__attribute__((visibility("protected"))) int one(void) { return 0; }',
    main: callsOne,
    options: now,
    missing: [],
  },
  {
    title: "an unresolved reference in the library",
    linked: one,
    present: "int two(void); int (*pointer)(void) = two; int one(void) { return 0; }",
    main: callsOne,
    options: now,
    missing: ["two"],
  },
  {
    title: "one that the program has for the library",
    linked: one,
    present: "int two(void); int (*pointer)(void) = two; int one(void) { return 0; }",
    main: `${callsOne} int two(void) { return 0; }`,
    options: [...now, "-Wl,-E"],
    missing: [],
  },
  {
    title: "a table of the older kind of hash",
    linked: one,
    present: none,
    shared: ["-Wl,--hash-style=sysv"],
    main: callsOne,
    options: now,
    missing: ["one"],
  },
  {
    title: "a thread-local variable",
    linked: "__thread int own = 0;",
    present: none,
    main: "extern __thread int own; int main(void) { return own; }",
    options: lazy,
    missing: ["own"],
  },
  {
    title: "-Bsymbolic, and all is there",
    linked: one,
    present: "int one(void) { return 0; } int (*pointer)(void) = one;",
    shared: ["-Wl,-Bsymbolic"],
    main: callsOne,
    options: now,
    missing: [],
  },
];

function make(number: number, { linked, present, shared = [], main, options = [] }: Case): string {
  const library = at(`${number}/lib/libcase.so`);
  const soname = ["-shared", "-fPIC", "-Wl,-soname,libcase.so"];
  compile(library, linked, ...soname);
  const program = compile(
    at(`${number}/program`),
    main,
    library,
    `-Wl,-rpath,${at(`${number}/lib`)}`,
    ...options,
  );
  compile(library, present, ...soname, ...shared);
  return program;
}

async function judge(program: string): Promise<Diagnosis> {
  const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
  return diagnosis as Diagnosis;
}

describe("symbols that are bound at start", needs("gcc", "x86-64"), () => {
  it.each(cases.map((each, number) => ({ ...each, number })))("$title", async (each) => {
    const program = make(each.number, each);
    const { status, stderr } = spawnSync(program, {
      env: { ...each.environment },
      encoding: "utf8",
    });
    expect(status === 0, stderr).toBe(each.missing.length === 0);
    Object.assign(process.env, each.environment);
    try {
      const { findings, verdict } = await judge(program);
      expect(verdict).toBe(each.missing.length === 0 ? "healthy" : "broken");
      const said = findings.map(({ message }) => message).join();
      for (const symbol of each.missing) {
        expect(stderr).toContain(symbol);
        expect(said).toMatch(new RegExp(`defines ${symbol}\\b`));
      }
    } finally {
      for (const name of Object.keys(each.environment ?? {})) delete process.env[name];
    }
  });
});

describe("a definition that the loader refuses", needs("gcc", "x86-64"), () => {
  const isProtected = '__attribute__((visibility("protected")))';
  const ifunc = `static int real(void) { return 0; } static void *choose(void) { return real; }
    int one(void) __attribute__((ifunc("choose")));`;
  const marked = ["-mno-direct-extern-access"];
  const pointer = "int one(void); int (*pointer)(void) = one;";
  const cases: (Case & { refused?: RegExp })[] = [
    {
      title: "a copy of a protected variable that forbids it",
      linked: "int datum = 0;",
      present: `${isProtected} int datum = 0;`,
      shared: marked,
      main: "extern int datum; int main(void) { return datum; }",
      options: ["-no-pie"],
      refused: /copy its variable datum/,
    },
    {
      title: "a copy of a protected variable that allows it",
      linked: "int datum = 0;",
      present: `${isProtected} int datum = 0;`,
      main: "extern int datum; int main(void) { return datum; }",
      options: ["-no-pie"],
    },
    {
      title: "the program's own address of a protected function that forbids it",
      linked: one,
      present: `${isProtected} ${one}`,
      shared: marked,
      main: "int one(void); int main(void) { int (*volatile at)(void) = one; return at(); }",
      options: ["-no-pie", "-fno-pie", ...now],
      refused: /address of its own for one/,
    },
    {
      title: "an indirect function of the program that a library binds at start",
      linked: pointer,
      present: pointer,
      main: `${ifunc} extern int (*pointer)(void); int main(void) { return !pointer; }`,
      options: ["-rdynamic"],
      refused: /binds its indirect function one/,
    },
    {
      title: "an indirect function of the program that a library binds when it calls it",
      linked: "int one(void); int two(void) { return one(); }",
      present: "int one(void); int two(void) { return one(); }",
      shared: lazy,
      main: `${ifunc} int two(void); int main(void) { return two(); }`,
      options: ["-rdynamic"],
    },
    {
      title: "an ordinary variable for a thread-local one",
      linked: "__thread int own = 0;",
      present: "int own = 0;",
      main: "extern __thread int own; int main(void) { return own; }",
      refused: /needs own as a thread-local variable/,
    },
  ].map((each) => ({ missing: [], ...each }));

  it.each(cases.map((each, index) => ({ ...each, number: 100 + index })))(
    "$title",
    async (each) => {
      const program = make(each.number, each);
      expect(spawnSync(program).status === 0).toBe(each.refused === undefined);
      const { findings, verdict } = await judge(program);
      expect(verdict).toBe(each.refused === undefined ? "healthy" : "broken");
      if (each.refused === undefined) return;
      expect(findings).toMatchObject([{ code: "load-refused" }]);
      expect(findings[0]?.message).toMatch(each.refused);
    },
  );

  it("is found again in the next program of the same directory", async () => {
    const library = compile(at("both/liba.so"), pointer, "-shared", "-fPIC");
    const options = ["-Wl,--no-as-needed", library, "-rdynamic", `-Wl,-rpath,${at("both")}`];
    compile(at("both/a"), `${one} int main(void) { return 0; }`, ...options);
    compile(at("both/b"), `${ifunc} int main(void) { return 0; }`, ...options);
    const diagnoses = await diagnose([at("both")], { store: at("no-store"), index: false });
    expect(diagnoses.map(({ verdict }) => verdict)).toEqual(["healthy", "broken", "healthy"]);
  });
});

describe("relocations of a type that the loader does not know", needs("gcc", "x86-64"), () => {
  const calls = "int one(void); int main(int c, char **v) { return c > 9 ? one() : 0; }";
  // GNU ld leaves R_X86_64_NONE among the functions.
  const unresolved = "-Wl,--unresolved-symbols=ignore-all";

  it("R_X86_64_NONE among functions matters if these are bound when they are called", async () => {
    for (const [name, options, environment, started] of [
      ["lazy", lazy, {}, false],
      ["now", now, {}, true],
      ["lazy-now", lazy, { LD_BIND_NOW: "1" }, true],
    ] as const) {
      const program = compile(at(`none-${name}`), calls, unresolved, ...options);
      expect(spawnSync(program, { env: { ...environment } }).status === 0).toBe(started);
      Object.assign(process.env, environment);
      const { findings } = await judge(program);
      delete process.env.LD_BIND_NOW;
      const codes = findings.map(({ code, severity }) => `${severity} ${code}`);
      if (name === "lazy-now") expect(codes).not.toContain("error load-refused");
      else expect(codes).toEqual(started ? [] : ["error load-refused"]);
    }
  });

  it("musl knows that one, and no IRELATIVE", needs("musl-gcc", "musl's loader"), async () => {
    const program = compileWith("musl-gcc", at("musl-none"), calls, unresolved, ...lazy);
    expect(spawnSync(program).status).toBe(0);
    expect((await judge(program)).verdict).toBe("healthy");
    const main = `static int real(void) { return 0; } static void *choose(void) { return real; }
      int one(void) __attribute__((ifunc("choose"))); int main(void) { return one(); }`;
    const indirect = compileWith("musl-gcc", at("musl-indirect"), main);
    expect(spawnSync(indirect, { encoding: "utf8" }).stderr).toContain("relocation type 37");
    const { findings } = await judge(indirect);
    expect(findings).toMatchObject([{ code: "load-refused" }]);
    expect(findings[0]?.message).toContain("type 37");
  });
});

describe("versions of symbols", needs("gcc", "x86-64"), () => {
  it("a symbol that has gone from its version, and one from a library without versions", async () => {
    const soname = ["-shared", "-fPIC", "-Wl,-soname,libversioned.so"];
    const script = (name: string, text: string) =>
      `-Wl,--version-script=${compileText(name, text)}`;
    const library = at("versioned/libversioned.so");
    const two = "int one(void) { return 0; } int two(void) { return 0; }";
    compile(library, two, ...soname, script("both", "V1 { one; two; };"));
    const main = "int one(void); int two(void); int main(void) { return one() + two(); }";
    const program = compile(
      at("versioned/program"),
      main,
      library,
      `-Wl,-rpath,${at("versioned")}`,
      ...now,
    );
    compile(library, two, ...soname, script("moved", "V1 { one; }; V2 { two; };"));
    expect(spawnSync(program, { encoding: "utf8" }).stderr).toMatch(
      /undefined symbol: two, version V1/,
    );
    const { findings } = await judge(program);
    expect(findings).toMatchObject([{ code: "symbol-missing" }]);
    expect(findings[0]?.message).toContain("two (version V1)");
    expect(findings[0]?.remedy).toContain("libversioned.so");
  });

  it.each([
    ["Verneed", "program", 0x6ffffffe],
    ["Verdef", "libformed.so", 0x6ffffffd],
  ])("records in a form that glibc does not know: %s", async (record, changed, type) => {
    const soname = ["-shared", "-fPIC", "-Wl,-soname,libformed.so"];
    const directory = `formed-${record}`;
    const map = compileText(directory, "V1 { one; };");
    const library = at(`${directory}/libformed.so`);
    compile(library, one, ...soname, `-Wl,--version-script=${map}`);
    const linked = [library, `-Wl,-rpath,${at(directory)}`];
    const program = compile(at(`${directory}/program`), callsOne, ...linked);
    expect((await judge(program)).verdict).toBe("healthy");
    setFirstHalf(at(`${directory}/${changed}`), type, 7);
    const why = `unsupported version 7 of ${record} record`;
    expect(spawnSync(program, { encoding: "utf8" }).stderr).toContain(why);
    const { findings } = await judge(program);
    expect(findings).toMatchObject([{ code: "load-refused" }]);
    expect(findings[0]?.message).toContain(why);
  });
});

/** Overwrites the first two bytes of the section with that type (gABI, "Sections"; ELF64, little-endian). */
function setFirstHalf(path: string, type: number, value: number): void {
  const bytes = readFileSync(path);
  const headers = Array.from({ length: bytes.readUInt16LE(0x3c) }, (_, index) =>
    bytes.subarray(Number(bytes.readBigUInt64LE(0x28)) + index * bytes.readUInt16LE(0x3a)),
  );
  const section = headers.find((header) => header.readUInt32LE(4) === type) as Buffer;
  bytes.writeUInt16LE(value, Number(section.readBigUInt64LE(0x18)));
  writeFileSync(path, bytes);
}

describe("symbols of programs for musl", needs("musl-gcc", "musl's loader"), () => {
  it("are all bound at start", async () => {
    const library = at("musl/libcase.so");
    const soname = ["-shared", "-fPIC", "-Wl,-soname,libcase.so"];
    compileWith("musl-gcc", library, one, ...soname);
    const main = "int one(void); int main(int c, char **v) { return c > 9 ? one() : 0; }";
    const linked = [library, `-Wl,-rpath,${at("musl")}`, ...lazy];
    const program = compileWith("musl-gcc", at("musl/program"), main, ...linked);
    expect(spawnSync(program).status).toBe(0);
    expect((await judge(program)).verdict).toBe("healthy");
    compileWith("musl-gcc", library, none, ...soname);
    expect(spawnSync(program, { encoding: "utf8" }).stderr).toMatch(/one: symbol not found/);
    expect((await judge(program)).findings).toMatchObject([{ code: "symbol-missing" }]);
  });
});

describe("packed relocations", needs("musl-gcc", "musl's loader"), () => {
  it("are named if musl may not know them", async () => {
    const flags = ["-Wl,-z,pack-relative-relocs"];
    const main = "int main(void) { return 0; }";
    const program = compileWith("musl-gcc", at("packed"), main, ...flags);
    const { verdict, findings } = await judge(program);
    expect(verdict).toBe("healthy");
    const codes = findings.map(({ code, severity }) => `${severity} ${code}`);
    const started = spawnSync(program).status === 0;
    expect(codes).toEqual(started ? [] : ["warning relocations-unmarked"]);
  });
});

function compileText(name: string, text: string): string {
  const path = at(`${name}.map`);
  writeFileSync(path, text);
  return path;
}
