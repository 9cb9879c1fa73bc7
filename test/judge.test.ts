// What the judge reports about a file, compared with what the kernel and the loader report when it is started.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { contentOf } from "../lib/file/content.js";
import { interpreterAt } from "../lib/file/interpreter.js";
import { startedBy } from "../lib/file/stand_in.js";
import { diagnose, type FindingCode, plan } from "../lib/index.js";
import { compile, compileWith } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { patience } from "./support/patience.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { ownLibc } from "./support/store.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

const gcc = (output: string, source: string, ...flags: string[]) =>
  compile(at(output), source, ...flags);

/** No store, so that everything depends on this machine. */
async function codesOf(path: string): Promise<FindingCode[]> {
  const [diagnosis] = await diagnose([path], { store: at("no-store"), index: false });
  return (diagnosis?.findings ?? []).map(({ code }) => code);
}

function starts(path: string): boolean {
  const { status, signal, error } = spawnSync(path, { timeout: patience });
  return error === undefined && signal === null && status === 0;
}

describe("what is at the interpreter's path", needs("gcc", "x86-64"), () => {
  const main = "int main(void) { return 0; }";
  const freestanding = ["-static", "-nostdlib", "-fno-stack-protector"];
  // exit_group(127) is system call 231.
  const ends = (said: string) =>
    `static const char said[] = ${JSON.stringify(said)};
     void _start(void) { __asm__ volatile("syscall" : : "a"(231), "D"(127), "S"(said)); }`;
  const programFor = (name: string) =>
    gcc(`program-${name.replace("/", "-").slice(0, 20)}`, main, `-Wl,-I,${at(name)}`);
  const kindOf = (name: string) => interpreterAt(at(name), new native.Files("")).kind;

  beforeAll(() => {
    const couldNot = "Could not start dynamically linked executable";
    gcc("stub", ends(couldNot), ...freestanding);
    gcc("stub-with-advice", ends(`${couldNot}; set NIX_LD`), ...freestanding);
    const reads = "NIX_LD NIX_LD_LIBRARY_PATH /run/current-system/sw/share/nix-ld/lib/ld.so";
    gcc("nix-ld", ends(reads), ...freestanding);
    gcc("names-variables", ends("Set LD_LIBRARY_PATH or NIX_LD"), ...freestanding);
    gcc("library", "int f(void) { return 0; }", "-shared", "-fPIC", "-Wl,--no-as-needed");
    gcc("needs-nothing", "int f(void) { return 0; }", "-shared", "-fPIC", "-nostdlib");
    symlinkSync("loop", at("loop"));
    gcc("static", main, "-static");
    writeFileSync(at("script"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(at("empty"), "", { mode: 0o755 });
    mkdirSync(at("directory"));
  });

  it.each([
    ["stub", "nixos-stub", "nixos-stub"],
    ["stub-with-advice", "nixos-stub", "nixos-stub"],
    ["nix-ld", "nix-ld", "stand-in-without-loader"],
    ["static", "static-program", "interpreter-unusable"],
    ["names-variables", "static-program", "interpreter-unusable"],
    ["library", "library", "interpreter-unusable"],
    ["needs-nothing", "library", "interpreter-unusable"],
    ["loop", "unreadable", "interpreter-unusable"],
    ["x".repeat(256), "unreadable", "interpreter-unusable"],
    ["script/ld.so", "nothing", "interpreter-missing"],
    ["script", "script", "interpreter-unusable"],
    ["empty", "empty", "interpreter-unusable"],
    ["directory", "directory", "interpreter-unusable"],
    ["nothing", "nothing", "interpreter-missing"],
  ])("%s is judged by its content, and the program does not start", async (name, kind, code) => {
    const program = programFor(name);
    expect(kindOf(name)).toBe(kind);
    expect(await codesOf(program)).toEqual([code]);
    // A static program that returns 0 is started in place of the program.
    if (name !== "static") expect(starts(program)).toBe(false);
  });

  it.each([
    ["loop", "cannot be reached", "Too many levels of symbolic links"],
    ["script/ld.so", "is not there", "Not a directory"],
    ["y".repeat(256), "cannot be reached", "File name too long"],
    ["absent", "is not there", "No such file or directory"],
  ])("%s: the finding quotes the kernel's message", async (name, why, says) => {
    const program = programFor(name);
    const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
    const message = `its loader ${at(name)} ${why}, so the kernel says "${says}"`;
    expect(diagnosis?.findings[0]?.message).toBe(message);
  });

  it("the loader that a library names does not matter to what loads it", async () => {
    // As libc.so.6 does, to print its version when it is started.
    const names = `const char loader[] __attribute__((section(".interp"))) = "${at("absent")}";`;
    const text = `${names} void version(void) {}`;
    const library = gcc(
      "libnaming.so",
      text,
      "-shared",
      "-fPIC",
      "-Wl,-e,version,-soname,libnaming.so",
    );
    const program = gcc("loads-naming", main, `-Wl,--no-as-needed,-rpath,${directory}`, library);
    expect([await codesOf(library), await codesOf(program), starts(program)]).toEqual([
      [],
      [],
      true,
    ]);
  });

  it(
    "a library that is the loader by another name is missing with it",
    needs("musl-gcc"),
    async () => {
      const built = readFileSync(compileWith("musl-gcc", at("built-for-musl"), main));
      const program = at("for-musl");
      const renamed = built.toString("latin1").replace("/lib/ld-musl", "/lix/ld-musl");
      writeFileSync(program, renamed, { encoding: "latin1", mode: 0o755 });
      expect([await codesOf(program), starts(program)]).toEqual([["interpreter-missing"], false]);
    },
  );

  it("this machine's loader is recognised under any name, and needs execute permission", async () => {
    copyFileSync("/lib64/ld-linux-x86-64.so.2", at("renamed"));
    expect(kindOf("renamed")).toBe("glibc");
    const program = programFor("renamed");
    chmodSync(at("renamed"), 0o755);
    expect([await codesOf(program), starts(program)]).toEqual([[], true]);
    chmodSync(at("renamed"), 0o644);
    expect([await codesOf(program), starts(program)]).toEqual([["interpreter-unusable"], false]);
  });

  it("a loader needs no other permission", needs("root", "setpriv", "mount namespaces"), () => {
    const loader = at("unread");
    copyFileSync("/lib64/ld-linux-x86-64.so.2", loader);
    const program = programFor("unread");
    const home = scratchDirectory();
    chmodSync(home, 0o777);
    const env = { HOME: home, XDG_CACHE_HOME: home, XDG_STATE_HOME: home };
    const user = { uid: 4711, gid: 4711, cwd: "/", env };
    const doctor = ["doctor", "--store", at("no-store"), "--no-index", program];
    chmodSync(loader, 0o711);
    expect(spawnSync(program, user).status).toBe(0);
    expect(fixelf(doctor, user)).toMatchObject({ code: 0 });
    // In the place of this machine's own, which libc.so.6 needs by name.
    const bound = `mount --bind "$1" /lib64/ld-linux-x86-64.so.2 && shift && exec "$@"`;
    const somebody = ["setpriv", "--reuid", "4711", "--regid", "4711", "--clear-groups"];
    const by = [...unshare, "/bin/sh", "-c", bound, "sh", loader, ...somebody];
    const usual = [...doctor.slice(0, -1), gcc("usual", main)];
    expect(fixelf(usual, { by, cwd: "/", env })).toMatchObject({ code: 0 });
    chmodSync(loader, 0o744);
    expect(spawnSync(program, user).error).toMatchObject({ code: "EACCES" });
    expect(fixelf(doctor, user)).toMatchObject({ code: 1 });
  });

  it("a stand-in starts what a variable names, and prefers the machine's own variable", () => {
    const files = new native.Files("");
    const standIn = interpreterAt(at("nix-ld"), files);
    expect(standIn.farms).toEqual(["/run/current-system/sw/share/nix-ld/lib"]);
    const system = "x86_64-linux";
    expect(startedBy(standIn, system, {}, files)).toBeNull();
    const variables = {
      NIX_LD: "/general",
      NIX_LD_x86_64_linux: "/own",
      NIX_LD_LIBRARY_PATH: "/l",
    };
    const started = { loader: "/own", libraryPath: "/l", variable: "NIX_LD_x86_64_linux" };
    expect(startedBy(standIn, system, variables, files)).toEqual(started);
  });

  it("a program behind a stand-in is judged by the loader that this starts", async () => {
    const program = programFor("nix-ld");
    process.env.NIX_LD = "/lib64/ld-linux-x86-64.so.2";
    try {
      const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
      expect(diagnosis?.verdict).toBe("healthy");
      const loader = realpathSync("/lib64/ld-linux-x86-64.so.2");
      expect(diagnosis?.summary).toContain(`it runs through nix-ld with ${loader}, `);
      // Without the session's variable it would not start.
      expect(diagnosis?.findings).toMatchObject([
        { code: "session-environment", severity: "warning" },
      ]);
      // An empty variable hides the general one.
      process.env.NIX_LD_x86_64_linux = "";
      expect(await codesOf(program)).toEqual(["stand-in-without-loader"]);
    } finally {
      delete process.env.NIX_LD;
      delete process.env.NIX_LD_x86_64_linux;
    }
  });
});

describe(
  "behind a stand-in with a default of its own",
  needs("gcc", "x86-64", "glibc's loader"),
  () => {
    const root = at("root");
    const farm = "/run/current-system/sw/share/nix-ld/lib";
    const lib64 = "/lib64/ld-linux-x86-64.so.2";
    const verdicts = async () =>
      Object.fromEntries(
        (await diagnose(["/app"], { root, store: "/nix/store", index: false })).map(
          ({ path, verdict }) => [basename(path), verdict],
        ),
      );

    beforeAll(() => {
      const said = 'static const char said[] = "NIX_LD_LIBRARY_PATH FARM/ld.so";'.replace(
        "FARM",
        farm,
      );
      const ends = `${said} void _start(void) { __asm__ volatile("hlt" : : "S"(said)); }`;
      const freestanding = ["-static", "-nostdlib", "-fno-stack-protector"];
      gcc(`root${lib64}`, ends, ...freestanding);
      gcc("root/app/program", "int main(void) { return 0; }");
      mkdirSync(join(root, farm), { recursive: true });
      copyFileSync(lib64, join(root, farm, "ld.so"));
      copyFileSync(ownLibc(), join(root, farm, "libc.so.6"));
      const soname = (name: string) => ["-shared", "-fPIC", `-Wl,-soname,${name}`];
      const thing = gcc(`root${farm}/libthing.so.1`, "int thing;", ...soname("libthing.so.1"));
      const uses = "extern int thing; int uses(void) { return thing; }";
      gcc("root/app/module.so", uses, ...soname("module.so"), thing);
    });

    it("modules find what the program beside them finds", async () => {
      expect(await verdicts()).toEqual({ program: "healthy", "module.so": "healthy" });
      rmSync(join(root, farm, "libthing.so.1"));
      expect(await verdicts()).toEqual({ program: "healthy", "module.so": "broken" });
    });

    it("a missing library is reported to be in none of the stand-in's directories", async () => {
      const options = { root, store: "/nix/store", index: false };
      const diagnoses = await diagnose(["/app"], options);
      const module = diagnoses.find(({ path }) => path === "/app/module.so");
      expect(module?.summary).toBe(
        "the library libthing.so.1 is not found: nix-ld is there, and libthing.so.1 is in none of its directories",
      );
    });

    it("neither a stand-in nor a stub counts as a loader that it could start", async () => {
      copyFileSync(join(root, lib64), join(root, farm, "ld.so"));
      expect((await verdicts()).program).toBe("broken");
    });
  },
);

describe("what exists and cannot be loaded", needs("gcc", "x86-64"), () => {
  const using = "int helper(void); int main(void) { return helper(); }";
  let program: string;
  let library: Buffer;

  beforeAll(() => {
    const shared = ["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libhelper.so"];
    gcc("libhelper.so", "int helper(void) { return 0; }", ...shared);
    library = readFileSync(at("libhelper.so"));
    const runpath = `-Wl,--enable-new-dtags,-rpath,${directory}`;
    program = gcc("user", using, at("libhelper.so"), runpath);
  });
  afterEach(() => writeFileSync(at("libhelper.so"), library));

  it("runs while nothing is wrong", async () => {
    expect([await codesOf(program), starts(program)]).toEqual([[], true]);
  });

  it.each([
    [
      "a linker script",
      Buffer.from(`/* GNU ld script */\nINPUT(libhelper.so.1)\n${" ".repeat(64)}`),
    ],
    ["an empty file", Buffer.alloc(0)],
    ["a web page", Buffer.from(`<!DOCTYPE html><html>${" ".repeat(64)}`)],
  ])("%s in a library's place", async (what, content) => {
    writeFileSync(at("libhelper.so"), content);
    const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
    expect(diagnosis?.findings.map(({ code }) => code)).toEqual(["library-unusable"]);
    expect(diagnosis?.summary).toContain(what);
    expect(starts(program)).toBe(false);
  });

  it.each([
    ["a program", "-rdynamic"],
    ["a static program", "-static"],
    ["an object file", "-c"],
  ])("%s in a library's place", async (what, flag) => {
    copyFileSync(
      gcc(`built${flag}`, "int helper(void); int main(void) { return 0; }", flag),
      at("libhelper.so"),
    );
    const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
    const why = `it is ${what}, which cannot be loaded as a library`;
    expect(diagnosis?.summary).toBe(`${at("libhelper.so")} cannot be loaded: ${why}`);
    expect(starts(program)).toBe(false);
  });

  it("a segment that does not agree with its page", async () => {
    const moved = Buffer.from(library);
    // The last PT_LOAD's p_offset, moved by one byte (Elf64_Phdr: 56 bytes, p_offset at 8).
    const table = Number(moved.readBigUInt64LE(32));
    const count = moved.readUInt16LE(56);
    const loads = [...Array(count).keys()].filter(
      (index) => moved.readUInt32LE(table + index * 56) === 1,
    );
    const field = table + (loads.at(-1) as number) * 56 + 8;
    moved.writeBigUInt64LE(moved.readBigUInt64LE(field) - 1n, field);
    writeFileSync(at("libhelper.so"), moved);
    expect([await codesOf(program), starts(program)]).toEqual([["load-refused"], false]);
  });

  it("a library without the versions that are needed from it", async () => {
    writeFileSync(at("map"), "V1 { helper; };");
    const versions = `-Wl,--version-script=${at("map")},-soname,libhelper.so`;
    const linked = gcc("with/libhelper.so", "int helper(void) { return 0; }", "-shared", versions);
    const bound = gcc("bound", using, linked, `-Wl,-z,now,-rpath,${directory}`);
    const bare = "int helper(void) { return 0; }";
    gcc("libhelper.so", bare, "-shared", "-nostdlib", "-Wl,-soname,libhelper.so");
    const [diagnosis] = await diagnose([bound], { store: at("no-store"), index: false });
    expect([diagnosis?.findings[0]?.code, starts(bound)]).toEqual(["load-refused", false]);
    expect(diagnosis?.findings[0]?.remedy).toBe(`Get another build of ${at("libhelper.so")}`);
  });

  it("a version that no release defines, for which there is no fix", async () => {
    const bytes = readFileSync(gcc("of-a-release", "int main(void) { return 0; }"));
    const edited = Buffer.from(
      bytes.toString("latin1").replaceAll("GLIBC_2.34", "GLIBC_2.99"),
      "latin1",
    );
    writeFileSync(at("of-none"), edited, { mode: 0o755 });
    const [diagnosis] = await diagnose([at("of-none")], { store: at("no-store"), index: false });
    expect([diagnosis?.findings[0]?.code, starts(at("of-none"))]).toEqual([
      "version-missing",
      false,
    ]);
    expect(diagnosis?.findings[0]?.remedy).toBe(
      `No glibc in the store defines GLIBC_2.99: no known glibc defines it (2.44 is the newest). Get another build of ${at("of-none")}`,
    );
  });

  it("a version whose name was edited by hand", async () => {
    const edited = at("edited");
    const bytes = readFileSync(gcc("versioned", "int main(void) { return 0; }"));
    const name = bytes.indexOf("GLIBC_2.34\0");
    expect(name).toBeGreaterThan(0);
    bytes.write("GLIBC_2.17", name, "latin1");
    writeFileSync(edited, bytes, { mode: 0o755 });
    expect([await codesOf(edited), starts(edited)]).toEqual([["load-refused"], false]);
  });

  it("a library to which a session's variable leads", async () => {
    mkdirSync(at("elsewhere"));
    writeFileSync(at("elsewhere/libhelper.so"), "");
    process.env.LD_LIBRARY_PATH = at("elsewhere");
    try {
      const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
      expect(diagnosis).toMatchObject({ verdict: "broken" });
      expect(diagnosis?.findings).toMatchObject([
        { code: "session-environment", remedy: `env -u LD_LIBRARY_PATH ${program}` },
      ]);
      expect(starts(program)).toBe(false);
    } finally {
      delete process.env.LD_LIBRARY_PATH;
    }
  });
});

/** Elf64_Phdr has 56 bytes: p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz. */
describe("segments as the kernel maps them", needs("gcc", "x86-64"), () => {
  const main = "int main(void) { return 0; }";
  const loadsOf = (bytes: Buffer) =>
    Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => 64 + 56 * index).filter(
      (header) => bytes.readUInt32LE(header) === 1,
    );

  it.each([
    ["static", ["-static"]],
    ["dynamic", ["-no-pie"]],
  ])("the last page of the code is also that of the next segment: %s", async (name, flags) => {
    const bytes = readFileSync(gcc(`pages/${name}`, main, ...flags, "-Wl,-z,separate-code"));
    const [, code, next] = loadsOf(bytes) as [number, number, number];
    const end = bytes.readBigUInt64LE(code + 16) + bytes.readBigUInt64LE(code + 32);
    // The next segment begins in that page, behind the code.
    const back = bytes.readBigUInt64LE(next + 16) - ((end + 15n) & ~15n);
    for (const field of [8, 16, 24])
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(next + field) - back, next + field);
    for (const field of [32, 40])
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(next + field) + back, next + field);
    writeFileSync(at(`pages/${name}-shared`), bytes, { mode: 0o755 });
    expect(starts(at(`pages/${name}-shared`))).toBe(false);
    expect(await codesOf(at(`pages/${name}-shared`))).toEqual(["load-refused"]);
  });

  it("a static program's segment that does not agree with its page", async () => {
    const bytes = readFileSync(gcc("pages/static", main, "-static"));
    const field = (loadsOf(bytes)[1] as number) + 8;
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(field) - 16n, field);
    writeFileSync(at("pages/moved"), bytes, { mode: 0o755 });
    expect(starts(at("pages/moved"))).toBe(false);
    expect(await codesOf(at("pages/moved"))).toEqual(["load-refused"]);
  });

  it("the same for musl", needs("musl-gcc", "musl's loader"), async () => {
    const small = compileWith("musl-gcc", at("pages/musl"), main, "-Wl,-z,max-page-size=512");
    expect(starts(small)).toBe(false);
    expect(await codesOf(small)).toEqual(["load-refused"]);
  });
});

it("a program that needs libraries and names no loader", needs("gcc", "x86-64"), async () => {
  const program = gcc("unloaded", "int main(void) { return 0; }", "-Wl,--no-dynamic-linker");
  expect(starts(program)).toBe(false);
  const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
  expect(diagnosis?.summary).toContain("names no loader");
  expect(diagnosis?.findings).toMatchObject([
    { code: "load-refused", severity: "error", evidence: [] },
  ]);
});

it("a library that is not to be opened by a running program", needs("gcc", "python3"), async () => {
  const flags = ["-shared", "-fPIC", "-Wl,-z,nodlopen"];
  const module = gcc("noopen/module.so", "int f(void) { return 0; }", ...flags);
  const open = ["-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", module];
  expect(spawnSync("python3", open, { encoding: "utf8" }).stderr).toContain("cannot be dlopen()ed");
  expect(await codesOf(module)).toEqual(["open-refused"]);
  // Nor is what needs it.
  const user = gcc(
    "noopen/user.so",
    "int f(void); int (*pointer)(void) = f;",
    ...flags.slice(0, 2),
    module,
  );
  expect(spawnSync("python3", [...open.slice(0, 2), user]).status).toBe(1);
  expect(await codesOf(user)).toEqual(["open-refused"]);
});

it.each([
  ["another system", [1, 3, 2, 0]],
  ["a later kernel", [0, 99, 0, 0]],
])(
  "an ABI tag for %s, which glibc has not read since 2.36",
  needs("gcc", "x86-64"),
  async (name, tag) => {
    const note = `__asm__(".pushsection .note.ABI-tag,\\"a\\",@note; .align 4; .long 4, 16, 1; .asciz \\"GNU\\"; .long ${tag}; .popsection");`;
    const library = gcc(
      `${name}/libtag.so`,
      `${note} int f(void) { return 0; }`,
      "-shared",
      "-fPIC",
    );
    const program = gcc(`${name}/program`, "int f(void); int main(void) { return f(); }", library);
    const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
    expect(diagnosis?.verdict === "healthy").toBe(starts(program));
  },
);

/** The kernel checks only the magic, loaders all of it (glibc elf/dl-load.c, open_verify). */
describe("a library's e_ident", needs("gcc", "x86-64"), () => {
  let library: Buffer;
  let opener: string;
  beforeAll(() => {
    library = readFileSync(gcc("ident/plain.so", "int f(void) { return 0; }", "-shared", "-fPIC"));
    const source =
      "#include <dlfcn.h>\nint main(int n, char **word) { return !dlopen(word[1], RTLD_NOW); }";
    opener = gcc("ident/opener", source, "-ldl");
  });

  it.each([
    ["GNU's", 7, [3], true],
    ["GNU's with an ABI version that the loader knows", 7, [3, 1], true],
    ["GNU's with one that no loader knows", 7, [3, 99], false],
    ["FreeBSD's", 7, [9], false],
    ["an AppImage's mark", 8, [0x41, 0x49, 2], false],
    ["bytes in its padding", 15, [1], false],
  ])("%s", async (name, offset, bytes, opened) => {
    const path = at(`ident/${name}.so`);
    const content = Buffer.from(library);
    content.set(bytes, offset);
    writeFileSync(path, content);
    expect(spawnSync(opener, [path]).status === 0).toBe(opened);
    expect(await codesOf(path)).toEqual(opened ? [] : ["load-refused"]);
  });
});

/** gABI allows one; the loader takes the last (glibc elf/rtld.c, rtld_setup_main_map), and no tool writes two. */
describe("two PT_DYNAMIC", needs("gcc", "x86-64"), () => {
  let program: Buffer;
  beforeAll(() => {
    const library = gcc("two/liba.so", "int f(void) { return 0; }", "-shared", "-fPIC");
    const links = [library, "-Wl,-z,now", `-Wl,-rpath,${at("two")}`];
    program = readFileSync(
      gcc("two/whole", "int f(void); int main(void) { return f(); }", ...links),
    );
  });

  const headers = () => {
    const first = Number(program.readBigUInt64LE(32)); // e_phoff
    return Array.from({ length: program.readUInt16LE(56) }, (_, index) => first + 56 * index);
  };
  const typed = (type: number) =>
    headers().find((header) => program.readUInt32LE(header) === type) as number;

  /** Puts a second one in place of PT_GNU_STACK, which comes after the first. */
  function withSecond(name: string, offset: bigint, size: (own: bigint) => bigint): string {
    const [dynamic, stack] = [typed(2), typed(0x6474e551)];
    expect(stack).toBeGreaterThan(dynamic);
    const changed = Buffer.from(program);
    program.copy(changed, stack, dynamic, dynamic + 56);
    for (const field of [8, 16, 24]) // p_offset, p_vaddr, p_paddr
      changed.writeBigUInt64LE(program.readBigUInt64LE(dynamic + field) + offset, stack + field);
    for (const field of [32, 40]) // p_filesz, p_memsz
      changed.writeBigUInt64LE(size(program.readBigUInt64LE(dynamic + field)), stack + field);
    writeFileSync(at(`two/${name}`), changed, { mode: 0o755 });
    return at(`two/${name}`);
  }

  it.each([
    ["the same", 0n, (own: bigint) => own, []],
    ["the same, of no size", 0n, () => 0n, []],
    ["the same, cut off", 0n, () => 16n, []],
    ["without the first library", 16n, (own: bigint) => own - 16n, ["symbol-missing"]],
    ["without any library", 32n, (own: bigint) => own - 32n, ["load-refused"]],
    ["between two entries", 8n, (own: bigint) => own - 8n, ["load-refused"]],
    ["outside of the file", 1n << 28n, (own: bigint) => own, ["malformed"]],
  ] as const)("%s", async (name, offset, size, codes) => {
    const path = withSecond(name, offset, size);
    expect(starts(path)).toBe(codes.length === 0);
    expect(await codesOf(path)).toEqual(codes);
    const { files } = await plan([path], { store: at("no-store"), index: false });
    expect(files[0]?.edits).toEqual([]);
    expect(files[0]?.refusal === null).toBe(codes.length === 0);
  });
});

describe("a directory with files for other machines", needs("gcc", "x86-64"), () => {
  it("is healthy if the files for this one are, and each of the others is one finding", async () => {
    const own = gcc("tree/own", "int main(void) { return 0; }");
    const bytes = readFileSync(own);
    bytes.writeUInt16LE(183, 18); // EM_AARCH64
    writeFileSync(at("tree/other"), bytes, { mode: 0o755 });
    const files = await diagnose([at("tree")], { store: at("no-store"), index: false });
    expect(
      files.map(({ verdict, findings }) => [verdict, findings.map(({ code }) => code)]),
    ).toEqual([
      ["other-machine", ["wrong-machine"]],
      ["healthy", []],
    ]);
    expect(await codesOf(at("tree/other"))).toEqual(["wrong-machine"]);
  });
});

describe("a directory with libraries for another libc", needs("gcc", "x86-64"), () => {
  const musl = ["-shared", "-fPIC", "-nostdlib", "-Wl,--no-as-needed"];
  it("is healthy if what the programs there load is, and each of the others is one finding", async () => {
    const library = (name: string) => gcc(name, "", ...musl, `-Wl,-soname,${name}`);
    const needed = ["libc.musl-x86_64.so.1", "libabsent.so.1"].map(library);
    gcc("mixed/addon.musl.node", "int addon;", ...musl, ...needed);
    const verdicts = async () =>
      (await diagnose([at("mixed")], { store: at("no-store"), index: false })).map(
        ({ verdict, findings }) => [verdict, findings.map(({ code }) => code)],
      );
    // Without a program it is for whatever loads it.
    expect(await verdicts()).toMatchObject([["broken", ["library-missing"]]]);
    const isForMusl = ["other-libc", ["other-libc"]];
    gcc("mixed/addon.gnu.node", "int addon;", "-shared", "-fPIC");
    // Nor does a program for another machine settle the matter.
    const other = readFileSync(gcc("other", "int main(void) { return 0; }"));
    other.writeUInt16LE(183, 18); // EM_AARCH64
    writeFileSync(at("mixed/arm64"), other, { mode: 0o755 });
    expect(await verdicts()).toEqual([
      ["healthy", []],
      isForMusl,
      ["other-machine", ["wrong-machine"]],
    ]);
    rmSync(at("mixed/addon.gnu.node"));
    rmSync(at("mixed/arm64"));
    gcc("mixed/program", "int main(void) { return 0; }");
    expect(await verdicts()).toEqual([isForMusl, ["healthy", []]]);
  });
});

it("a dangling link is reported with its target", needs("gcc"), async () => {
  const library = gcc("broken link/libgone.so", "int f(void) { return 0; }", "-shared", "-fPIC");
  const loader = at("broken link/loader");
  symlinkSync("no-loader", loader);
  const main = "int f(void); int main(void) { return f(); }";
  const linked = [library, `-Wl,-rpath,${at("broken link")}`];
  const program = gcc("broken link/program", main, ...linked);
  const unstartable = gcc("unstartable", main, ...linked, `-Wl,--dynamic-linker=${loader}`);
  rmSync(library);
  symlinkSync("no-library", library);
  const options = { store: at("no-store"), index: false };
  for (const [path, line] of [
    [program, `${library}: it is a link to no-library, which is not there`],
    [unstartable, `${loader}: it is a link to no-loader, which is not there`],
  ] as const) {
    const [diagnosis] = await diagnose([path], options);
    expect(diagnosis?.findings[0]?.evidence).toContain(line);
  }
});

it("a library that git lfs has not fetched is fetched by the remedy", needs("gcc"), async () => {
  const library = gcc("lfs/libpointer.so", "int f(void) { return 0; }", "-shared", "-fPIC");
  const linked = [library, `-Wl,-rpath,${at("lfs")}`];
  const program = gcc("lfs/program", "int f(void); int main(void) { return f(); }", ...linked);
  writeFileSync(library, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n");
  const [diagnosis] = await diagnose([program], { store: at("no-store"), index: false });
  expect(diagnosis?.findings[0]).toMatchObject({
    code: "library-unusable",
    remedy: `git -C ${at("lfs")} lfs pull`,
  });
});

/** The headers of a PE file, as far as they tell whether .NET runs it (Microsoft's PE format; ECMA-335 II.25). */
function portableExecutable(magic: 0x10b | 0x20b, isForDotNet: boolean): string {
  const bytes = Buffer.alloc(512);
  bytes.write("MZ");
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write("PE\0\0", 0x80);
  const optional = 0x80 + 4 + 20;
  bytes.writeUInt16LE(magic, optional);
  const directories = optional + (magic === 0x10b ? 96 : 112);
  bytes.writeUInt32LE(16, directories - 4);
  if (isForDotNet) bytes.writeUInt32LE(0x2008, directories + 14 * 8);
  return bytes.toString("latin1");
}

describe("a file that is not ELF", () => {
  it.each([
    ["<!DOCTYPE html><html></html>", /web page/],
    ['<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', /XML or JSON document/],
    ['{"message": "Not Found"}', /XML or JSON document/],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:0", /Git LFS/],
    ["\x1f\x8b\x08", /gzip/],
    ["\xfd7zXZ\0", /xz/],
    ["\x28\xb5\x2f\xfd", /zstd/],
    ["\x04\x22\x4d\x18", /lz4/],
    ["\x1f\x9d", /compress\)/],
    ["hsqs", /SquashFS/],
    ["PK\x03\x04", /zip/],
    ["MZ\x90\0", /Windows or DOS/],
    ["MZ is how this text begins\n", /text/],
    ["MZqFpD='\n\0", /several systems/],
    [portableExecutable(0x10b, false), /Windows/],
    [portableExecutable(0x10b, true), /\.NET/],
    [portableExecutable(0x20b, false), /Windows/],
    [portableExecutable(0x20b, true), /\.NET/],
    ["\xcf\xfa\xed\xfe", /macOS/],
    ["\xca\xfe\xba\xbe\0\0\0\x02", /macOS/],
    ["\xca\xfe\xba\xbf\0\0\0\x02", /macOS/],
    ["\xca\xfe\xba\xbe\0\0\0\x41", /Java/],
    ["!<arch>\ndebian-binary", /Debian package/],
    ["!<arch>\nfoo.o/", /static library/],
    ["/* GNU ld script */\nGROUP ( /lib/libc.so.6 )", /linker script/],
    ["\xef\xbb\xbf#!/bin/sh\n", /byte order mark/],
    [" #!/bin/sh\n", /before its #!/],
    ["\xff\xfe#\0!\0", /UTF-16/],
    ["", /empty/],
    ["\0\0\0\0", /zeros/],
    ["plain words\n", /text/],
    ["\x01\x02\x03", /unknown kind/],
  ])("is identified when it begins with %j", (text, what) => {
    const file = at("named");
    writeFileSync(file, text, "latin1");
    expect(contentOf(file).what).toMatch(what);
  });

  it("is reported below a directory if it is for another system", needs("gcc"), async () => {
    const tree = at("other-systems");
    mkdirSync(tree);
    const names = {
      "addon.darwin": "\xcf\xfa\xed\xfe",
      "universal.darwin": "\xca\xfe\xba\xbe\0\0\0\x02",
      "universal64.darwin": "\xca\xfe\xba\xbf\0\0\0\x02",
      "text.md": "MZ is how this text begins",
      "addon.win32": portableExecutable(0x20b, false),
      "assembly.dll": portableExecutable(0x20b, true),
      "Main.class": "\xca\xfe\xba\xbe\0\0\0\x41",
      "page.html": "<!DOCTYPE html>",
    };
    for (const [name, bytes] of Object.entries(names))
      writeFileSync(join(tree, name), bytes, "latin1");
    const program = compile(join(tree, "program"), "int main(void) { return 0; }");
    const others = ["addon.darwin", "addon.win32", "universal.darwin", "universal64.darwin"].map(
      (name) => join(tree, name),
    );
    const diagnoses = await diagnose([tree]);
    const foreign = diagnoses.filter(({ verdict }) => verdict === "other-machine");
    expect(foreign.map(({ path }) => path).sort()).toEqual(others);
    expect(foreign.flatMap(({ findings }) => findings)).toMatchObject(
      others.map(() => ({ code: "no-elf-file", severity: "warning" })),
    );
    expect(diagnoses).toHaveLength(others.length + 1);
    const { files } = await plan([tree], { store: at("no-store"), index: false });
    const passedOver = files.filter((file) => file.passedOver);
    expect(passedOver.map(({ path }) => path).sort()).toEqual(others);
    expect(files.map(({ path }) => path)).toContain(program);
  });

  it("has its own name in the remedy, whatever that is", () => {
    const path = at("compressed");
    writeFileSync(path, "\x1f\x8b", "latin1");
    expect(contentOf(path, "app/DIRECTORY").remedy).toBe(
      "gzip -dc <app/DIRECTORY >app/DIRECTORY.unpacked",
    );
  });

  const script = "#!/bin/sh\nexit 0\n";
  describe.each([
    ["a byte order mark", "sed", Buffer.from(`\ufeff${script}`), ""],
    ["blank lines before it", "sed", Buffer.from(` \n\t${script}`), ""],
    ["UTF-16", "iconv", Buffer.from(`\ufeff${script}`, "utf16le"), ".utf8"],
    ["compressed", "gzip", gzipSync(script), ".unpacked"],
  ])("%s", (name, tool, bytes, suffix) => {
    it("is repaired by the remedy as printed", needs(tool), async () => {
      const path = at(`no elf, ${name}`);
      writeFileSync(path, bytes, { mode: 0o755 });
      const [diagnosis] = await diagnose([path]);
      expect(diagnosis?.verdict).toBe("not-elf");
      const [finding] = diagnosis?.findings ?? [];
      expect(spawnSync("/bin/sh", ["-c", finding?.remedy ?? ""]).status).toBe(0);
      expect(readFileSync(path + suffix, "utf8")).toBe(script);
    });
  });
});
