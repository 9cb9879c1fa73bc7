// Findings that depend on more than one file: the machine, drivers, other C libraries, GC roots.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Circumstances } from "../lib/doctor/circumstances.js";
import { parseNote } from "../lib/doctor/dlopen_candidates.js";
import { findingCodes } from "../lib/doctor/finding.js";
import { gcFindings } from "../lib/doctor/gc.js";
import { diagnose, type Finding, inspect, resolve, storePlace } from "../lib/index.js";
import { type Host, mountOf, parseMounts, parseProcessorFlags } from "../lib/judge/host.js";
import { isaProblems } from "../lib/judge/isa.js";
import { kernelProblems } from "../lib/judge/kernel.js";
import { compile, compileWith } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, NixosRoot, storePath } from "./support/store.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

const gcc = (output: string, source: string, ...flags: string[]) =>
  compile(at(output), source, ...flags);
const shared = ["-shared", "-fPIC", "-nostdlib"];
const soname = (name: string) => `-Wl,-soname,${name}`;
/** A library whose soname is its file name, unless a flag sets another. */
const libraryAt = (output: string, ...flags: string[]) => {
  const options = [...shared, soname(basename(output)), ...flags];
  return compile(output, "int thing(void) { return 0; }", ...options);
};
const library = (name: string, ...flags: string[]) => libraryAt(at(name), ...flags);

async function findingsOf(path: string, root?: string): Promise<Finding[]> {
  const [diagnosis] = await diagnose([path], root === undefined ? {} : { root });
  if (diagnosis === undefined) throw new Error("no diagnosis");
  return diagnosis.findings;
}

const coded = (findings: readonly Finding[]) =>
  findings.map(({ code, severity }) => `${severity} ${code}`);

const host = (given: Partial<Host>): Host => ({
  kernel: "6.6.0",
  processorFlags: () => new Set(),
  mounts: () => [],
  ...given,
});

describe("docs/findings.md", () => {
  const text = readFileSync(new URL("../docs/findings.md", import.meta.url), "utf8");
  const [, ...parts] = text.split(/^## /m);
  const sections = new Map(
    parts.map((part) => {
      const [title = "", ...lines] = part.split("\n");
      return [title, lines.join("\n")];
    }),
  );
  sections.delete("Verdicts");

  it("explains every finding, and nothing else", () => {
    expect([...sections.keys()].sort()).toEqual([...findingCodes].sort());
  });

  it.each(findingCodes)("%s: shows what it looks like, and what to do", (code) => {
    const section = sections.get(code) ?? "";
    // What the shell shows, or that it shows nothing, or the same as for another finding.
    expect(section).toMatch(/^ {4}\$ \.\/|[Tt]he shell\s+(shows|says)/m);
    // A command to type, or what to get instead.
    expect(section).toMatch(/`[^`]* [^`]*`|\bGet\b/);
  });
});

describe("findings about this machine", () => {
  // The levels of the psABI are cumulative.
  const second = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3";
  const third = `${second} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave`;
  const flagsOf = (text: string) => parseProcessorFlags(`processor : 0\nflags\t\t: fpu ${text}\n`);

  describe("isa-level-too-high", needs("gcc", "x86-64"), () => {
    it("compares the note with the processor", async () => {
      const path = gcc("v3", "int main(void) { return 0; }", "-Wl,-z,x86-64-v3");
      const objects = [{ path, facts: await inspect(path) }];
      expect(objects[0]?.facts.notes.x86IsaNeeded).toBeGreaterThan(1);
      const newer = host({ processorFlags: () => flagsOf(third) });
      expect(isaProblems(objects, newer, "glibc")).toEqual([]);
      const older = host({ processorFlags: () => flagsOf(second) });
      const [finding] = isaProblems(objects, older, "glibc");
      expect(finding).toMatchObject({ code: "isa-level-too-high", severity: "error" });
      expect(finding?.message).toContain("x86-64-v3");
      expect(finding?.evidence.join()).toContain("avx2");
      expect(finding?.remedy).toContain("x86-64-v2");
    });

    it(
      "is a warning where nothing checks the note",
      needs("musl-gcc", "musl's loader"),
      async () => {
        const main = "int main(void) { return 0; }";
        const flags = ["-Wl,-z,x86-64-v4"];
        const musl = compileWith("musl-gcc", at("v4-musl"), main, ...flags);
        for (const [path, libc] of [
          [gcc("v4-static", main, "-static", ...flags), "unknown"],
          [musl, "musl"],
        ] as const) {
          expect(spawnSync(path).status).toBe(0);
          const older = host({ processorFlags: () => flagsOf(second) });
          const problems = isaProblems([{ path, facts: await inspect(path) }], older, libc);
          expect(problems).toMatchObject([{ code: "isa-level-too-high", severity: "warning" }]);
        }
      },
    );

    it("is not found in an ordinary build, or if the processor is unknown", async () => {
      const path = gcc("v1", "int main(void) { return 0; }");
      const facts = await inspect(path);
      const unknown = host({ processorFlags: () => flagsOf("") });
      expect(isaProblems([{ path, facts }], unknown, "glibc")).toEqual([]);
      const v4 = { ...facts, notes: { ...facts.notes, x86IsaNeeded: 8 } };
      expect(isaProblems([{ path, facts: v4 }], host({}), "glibc")).toEqual([]);
    });
  });

  it("include kernel-too-old", needs("gcc"), async () => {
    const path = gcc("tagged", "int main(void) { return 0; }", "-static");
    const facts = await inspect(path);
    const least = facts.notes.abiTag?.kernel;
    if (least === undefined) throw new Error("the compiler writes no ABI tag");
    const same = host({ kernel: `${least.join(".")}-rc1` });
    expect(kernelProblems([{ path, facts }], same, "unknown")).toEqual([]);
    const older = host({ kernel: "2.6.32-5-amd64" });
    const [finding] = kernelProblems([{ path, facts }], older, "unknown");
    expect(finding).toMatchObject({ code: "kernel-too-old", severity: "error" });
    expect(finding?.message).toContain("2.6.32");
    // Since 2.36 glibc ignores the kernel's version.
    const libc = { path: "libc", facts: { ...facts, soname: "libc.so.6" } };
    const defined = ["GLIBC_2.2.5", "GLIBC_2.36"];
    libc.facts = { ...libc.facts, type: "shared-library", versionsDefined: defined };
    const newer = kernelProblems([{ path, facts }, libc], older, "glibc");
    expect(newer.map(({ severity }) => severity)).toEqual(["warning", "warning"]);
  });

  it("use the mount that a path is on", () => {
    const mounts = parseMounts(
      [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        "30 22 0:25 / /tmp rw,noexec,nosuid - tmpfs tmpfs rw",
        "31 30 0:26 / /tmp/with\\040blank rw - tmpfs tmpfs rw",
        "32 30 0:27 / /tmp/twice rw - tmpfs tmpfs rw",
        "33 32 0:28 / /tmp/twice rw,noexec - tmpfs tmpfs rw",
      ].join("\n"),
    );
    const idFor = (path: string) => mountOf(path, mounts)?.id;
    expect(idFor("/usr/bin/true")).toBe(22);
    expect(idFor("/tmp/program")).toBe(30);
    expect(idFor("/tmpfile")).toBe(22);
    expect(idFor("/tmp/with blank/program")).toBe(31);
    expect(idFor("/tmp/twice/program")).toBe(33);
  });

  it("do not use a mount that another one covers", () => {
    const mounts = parseMounts(
      [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        "30 22 0:25 / /a/b rw,noexec - tmpfs tmpfs rw",
        "31 22 0:26 / /a rw - tmpfs tmpfs rw",
        "32 31 0:27 / /a/c rw,noexec - tmpfs tmpfs rw",
      ].join("\n"),
    );
    expect(mountOf("/a/b/program", mounts)?.id).toBe(31);
    expect(mountOf("/a/c/program", mounts)?.id).toBe(32);
    // In a chroot that is no mount itself, "/" is not listed.
    expect(mountOf("/a/program", mounts.slice(1))?.id).toBe(31);
    expect(mountOf("/program", mounts.slice(1))).toBeNull();
  });

  it("include a loader that is there only from here", needs("gcc"), async () => {
    const main = "int main(void) { return 0; }";
    const { interpreter } = await inspect(gcc("plain", main));
    copyFileSync(interpreter ?? "", at("ld.so"));
    const program = gcc("relative", main, "-Wl,--dynamic-linker=ld.so");
    const here = process.cwd();
    process.chdir(directory);
    try {
      const found = await findingsOf(program);
      expect(coded(found)).toEqual(["warning interpreter-missing"]);
      expect(found[0]?.remedy).toBe(`fixelf patchelf --set-interpreter ${at("ld.so")} ${program}`);
      expect(spawnSync(program).status).toBe(0);
    } finally {
      process.chdir(here);
    }
    expect(coded(await findingsOf(program))).toEqual(["error interpreter-missing"]);
    expect(spawnSync(program).error).toMatchObject({ code: "ENOENT" });
  });

  describe("noexec-mount", needs("gcc", "mount namespaces"), () => {
    it("is found for a program, and for a library", () => {
      library("libon.so");
      const runpath = `-Wl,--enable-new-dtags,-rpath,${at("on")}`;
      const program = gcc(
        "off",
        "int thing(void); int main(void) { return thing(); }",
        runpath,
        at("libon.so"),
      );
      mkdirSync(at("on"));
      const doctor = (path: string) => {
        const script = `mount -t tmpfs -o noexec none "$1" && cp "$2" "$3" "$1" && shift 3 && "$@"`;
        const words = [at("on"), program, at("libon.so")];
        const by = [...unshare, "/bin/sh", "-c", script, "sh", ...words];
        const { stdout } = fixelf(["doctor", "--json", path], { by });
        const { files } = JSON.parse(stdout) as { files: { findings: Finding[] }[] };
        return files[0]?.findings ?? [];
      };
      const [own] = doctor(at("on/off"));
      expect(own).toMatchObject({
        code: "noexec-mount",
        remedy: `mount -o remount,exec ${at("on")}`,
      });
      const [of] = doctor(program);
      expect(of).toMatchObject({ code: "noexec-mount", severity: "error" });
      expect(of?.message).toContain(at("on/libon.so"));
    });

    it("is all that is said of a loader, of an interpreter and of a single file", async () => {
      mkdirSync(at("noexec"));
      const main = "int main(void) { return 0; }";
      const loader = at("noexec/ld.so");
      const started = gcc("started", main, `-Wl,--dynamic-linker=${loader}`);
      const single = gcc("single", main);
      const script = at("script");
      writeFileSync(script, `#!${at("noexec/single")}\n`, { mode: 0o755 });
      const mounted = `mount -t tmpfs -o noexec none "$1" && cp "$2" "$1/ld.so" && cp "$3" "$1" &&
        mount --bind "$3" "$3" && mount -o remount,bind,noexec "$3" && shift 3 && "$@"`;
      const { interpreter } = await inspect(single);
      const words = [at("noexec"), interpreter ?? "", single];
      const by = [...unshare, "/bin/sh", "-c", mounted, "sh", ...words];
      const { stdout } = fixelf(["doctor", "--json", started, script, single], { by });
      const { files } = JSON.parse(stdout) as { files: { findings: Finding[] }[] };
      expect(
        files.map(({ findings }) => findings.map(({ code, remedy }) => [code, remedy])),
      ).toEqual([
        [["noexec-mount", `mount -o remount,exec ${at("noexec")}`]],
        [["script-interpreter-missing", `mount -o remount,exec ${at("noexec")}`]],
        [["noexec-mount", `mount -o remount,exec ${single}`]],
      ]);
    });
  });
});

describe("findings in a root shaped like NixOS", needs("gcc"), () => {
  const nixos = new NixosRoot();
  const { glibc, loader, path: root } = nixos;

  /** Glibc's own files in another place, with another release's banner. */
  const addGlibc = (to: string, release?: string) => {
    copyGlibc(nixos.in(to));
    if (release === undefined) return;
    const libc = nixos.in(`${to}/libc.so.6`);
    const bytes = readFileSync(libc, "latin1");
    const changed = bytes.replace(/(GNU C Library [^\n]*release version )\d\.\d\d/, `$1${release}`);
    expect(changed).not.toBe(bytes);
    writeFileSync(libc, changed, "latin1");
  };
  const inRoot = (path: string, ...flags: string[]) => libraryAt(nixos.in(path), ...flags);
  const program = (name: string, ...flags: string[]) =>
    compile(
      nixos.in(`opt/${name}`),
      "int main(void) { return 0; }",
      `-Wl,--dynamic-linker=${loader}`,
      "-Wl,--no-as-needed",
      ...flags,
    );
  const runpath = (...directories: string[]) =>
    `-Wl,--enable-new-dtags,-rpath,${directories.join(":")}`;

  it("are none in a healthy program", async () => {
    expect(await findingsOf(program("plain", runpath(glibc)), root)).toEqual([]);
  });

  it("libc-mixed: another glibc than the loader's", async () => {
    const other = `${storePath("glibc-2.99", "b")}/lib`;
    addGlibc(other, "2.99");
    const findings = await findingsOf(program("mixed", runpath(other)), root);
    expect(coded(findings)).toEqual(["error libc-mixed"]);
    expect(findings[0]?.message).toContain("2.99");
    // A second copy of the same release does not count as another one.
    const same = `${storePath("glibc-2.36", "d")}/lib`;
    addGlibc(same);
    expect(await findingsOf(program("same", runpath(same)), root)).toEqual([]);
  });

  it("libc-mixed: a library for musl in a program for glibc", async () => {
    const musl = library("libc.musl.so", soname("libc.musl-x86_64.so.1"));
    const foreign = inRoot("opt/lib/libforeign.so", musl, "-Wl,--no-as-needed", musl);
    const path = program(
      "with-musl",
      runpath(glibc, "/opt/lib"),
      foreign,
      "-Wl,--allow-shlib-undefined",
    );
    const findings = await findingsOf(path, root);
    expect(coded(findings)).toContain("error libc-mixed");
    expect(findings.find(({ code }) => code === "libc-mixed")?.evidence.join()).toContain(
      "libc.musl-x86_64.so.1",
    );
  });

  describe("drivers", () => {
    const drivers = "run/opengl-driver/lib";
    const store = `${storePath("libglvnd-1", "e")}/lib`;
    const usesGl = () => {
      const gl = inRoot(`${store}/libGL.so.1`);
      return program("uses-gl", runpath(glibc, store), gl);
    };
    const usesCuda = () => {
      const cuda = library("libcuda.so.1");
      return program("uses-cuda", runpath(glibc), cuda);
    };
    afterAll(() => rmSync(nixos.in(drivers), { recursive: true, force: true }));

    it("driver-missing: it is absent", async () => {
      const findings = await findingsOf(usesGl(), root);
      expect(coded(findings)).toEqual(["warning driver-missing"]);
      expect(findings[0]?.evidence).toContain("/run/opengl-driver/lib is not there");
      // No package has it, so that its absence is a matter of the driver alone.
      expect(coded(await findingsOf(usesCuda(), root))).toEqual(["error driver-missing"]);
      const vendor = library("libGLX_nvidia.so.0");
      const [finding, ...others] = await findingsOf(
        program("uses-vendor", runpath(glibc), vendor),
        root,
      );
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ code: "driver-missing", severity: "error" });
      expect(finding?.remedy).toContain('services.xserver.videoDrivers = [ "nvidia" ];');
    });

    it("has no fault to find with a driver that is there", async () => {
      inRoot(`${drivers}/libGLX_mesa.so.0`);
      expect(await findingsOf(usesGl(), root)).toEqual([]);
    });

    it("driver-missing: it is there, but the loader does not look for it there", async () => {
      inRoot(`${drivers}/libcuda.so.1`);
      const [finding, ...others] = await findingsOf(usesCuda(), root);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ code: "driver-missing", severity: "error" });
      expect(finding?.remedy).toMatch(/^fixelf fix .* --lib \/run\/opengl-driver\/lib$/);
    });

    it("driver-too-new: it needs another glibc than the program has", async () => {
      writeFileSync(at("new.map"), "GLIBC_9.99 { global: fancy; };");
      const flags = [...shared, soname("libc.so.6"), `-Wl,--version-script=${at("new.map")}`];
      const newer = gcc("newer/libc.so.6", "int fancy(void) { return 0; }", ...flags);
      const source = "int fancy(void); int driver(void) { return fancy(); }";
      compile(nixos.in(`${drivers}/libGLX_mesa.so.0`), source, ...shared, newer);
      const [finding, ...others] = await findingsOf(usesGl(), root);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ code: "driver-too-new", severity: "error" });
      expect(finding?.message).toContain("GLIBC_9.99");
    });
  });

  describe("notes on dlopen", () => {
    const noted = (name: string, priority: string) => {
      const json = JSON.stringify([
        {
          soname: ["libnoted.so.1", "libnoted.so.0"],
          feature: "notes",
          description: "Taking notes",
          priority,
        },
      ]);
      const note = `.pushsection .note.dlopen,"a",@note\n.balign 4\n.long 4,2f-1f,0x407c0c0a\n.asciz "FDO"\n1: .asciz ${JSON.stringify(json)}\n2: .balign 4\n.popsection`;
      const source = `__asm__(${JSON.stringify(note)}); int main(void) { return 0; }`;
      return compile(
        nixos.in(`opt/${name}`),
        source,
        `-Wl,--dynamic-linker=${loader}`,
        runpath(glibc, "$ORIGIN/noted"),
      );
    };

    it("tell how much depends on the library", async () => {
      const required = await findingsOf(noted("required", "required"), root);
      expect(coded(required)).toEqual(["error dlopen-library-missing"]);
      const recommended = await findingsOf(noted("recommended", "recommended"), root);
      expect(coded(recommended)).toEqual(["warning dlopen-library-missing"]);
      expect(recommended[0]?.message).toContain("Taking notes");
      expect(recommended[0]?.evidence[0]).toContain("libnoted.so.1, libnoted.so.0 recommended");
    });

    it("name what another machine's program can use", needs("i686-linux-gnu-gcc"), async () => {
      const own = new NixosRoot();
      const home = own.in(`${storePath("glibc-2.36-i686")}/lib`);
      mkdirSync(home, { recursive: true });
      for (const name of ["libc.so.6", "ld-linux.so.2"])
        copyFileSync(join("/usr/i686-linux-gnu/lib", name), join(home, name));
      const lib = `${storePath("glibc-2.36-i686")}/lib`;
      const path = compileWith(
        "i686-linux-gnu-gcc",
        own.in("opt/small"),
        'const char *volatile name = "libcrypt.so.1"; int main(void) { return name[0] == 0; }',
        `-Wl,--dynamic-linker=${lib}/ld-linux.so.2`,
        runpath(lib, "$ORIGIN/noted"),
      );
      const crypt = async () =>
        (await findingsOf(path, own.path)).filter(({ code }) => code === "dlopen-library-missing");
      const [finding] = await crypt();
      expect(finding?.evidence).toContain(
        "libcrypt.so.1 is in nixpkgs#legacyPackages.i686-linux.libxcrypt-legacy",
      );
      // It cannot open a library for this machine.
      libraryAt(own.in("opt/noted/libcrypt.so.1"), "-Wl,-soname,libcrypt.so.1");
      expect(await crypt()).toHaveLength(1);
      compileWith(
        "i686-linux-gnu-gcc",
        own.in("opt/noted/libcrypt.so.1"),
        "int thing(void) { return 0; }",
        ...shared,
      );
      expect(await crypt()).toEqual([]);
    });

    it("are satisfied with any of the alternatives", async () => {
      inRoot("opt/noted/libnoted.so.0");
      expect(await findingsOf(noted("required", "required"), root)).toEqual([]);
    });

    it("are ignored if they are not such notes", () => {
      for (const text of ["", "{", "{}", "[null]", '[{"soname":"x"}]', '[{"soname":[]}]', "[[]]"])
        expect(parseNote(text, "/x")).toEqual([]);
      expect(parseNote('[{"soname":["a.so"]}]\0\0', "/x")).toMatchObject([
        { sonames: ["a.so"], priority: "recommended" },
      ]);
    });
  });

  it("version-missing: names what would be new enough", async () => {
    writeFileSync(at("future.map"), "GLIBC_9.98 { global: later; };");
    const flags = [...shared, soname("libc.so.6"), `-Wl,--version-script=${at("future.map")}`];
    const future = gcc("future/libc.so.6", "int later(void) { return 0; }", ...flags);
    const needs = compile(
      nixos.in("opt/lib/libneeds.so"),
      "int later(void); int thing(void) { return later(); }",
      ...shared,
      soname("libneeds.so"),
      future,
    );
    const path = program(
      "too-new",
      runpath(glibc, "/opt/lib"),
      needs,
      "-Wl,--allow-shlib-undefined",
    );
    const before = (await findingsOf(path, root)).find(({ code }) => code === "version-missing");
    expect(before?.evidence.join()).toContain("the newest glibc in the store is");
    expect(before?.remedy).toContain("No glibc in the store defines GLIBC_9.98");
    const later = `${storePath("glibc-9.98", "f")}/lib`;
    addGlibc(later);
    copyFileSync(future, nixos.in(`${later}/libc.so.6`));
    const after = (await findingsOf(path, root)).find(({ code }) => code === "version-missing");
    expect(after?.evidence.join()).toContain(`GLIBC_9.98 is defined by the glibc of ${later}`);
    expect(after?.remedy).toMatch(/^fixelf fix /);
    rmSync(nixos.in(dirname(later)), { recursive: true });
  });
});

describe("libc-mixed, as the loaders see it", needs("gcc", "musl-gcc"), () => {
  const uses = "int thing(void); int main(void) { return thing(); }";
  // What the library needs from its own libc does not concern the program's linker.
  const build = (forLibrary: string, forProgram: string, name: string, source: string) => {
    const library = at(`lib${name}.so`);
    const options = ["-shared", "-fPIC", soname(basename(library))];
    compileWith(forLibrary, library, source, ...options);
    const apart = "-Wl,--allow-shlib-undefined,--unresolved-symbols=ignore-in-shared-libs";
    compileWith(forProgram, at(name), uses, library, `-Wl,-rpath,${directory}`, apart);
  };
  const start = (name: string) =>
    spawnSync(at(name), { env: { PATH: process.env.PATH ?? "" }, encoding: "utf8" });
  const mixture = async (name: string) =>
    (await findingsOf(at(name))).find(({ code }) => code === "libc-mixed");

  it("a library for musl in a program for glibc", async () => {
    build("musl-gcc", "gcc", "muslish", "int thing(void) { return 0; }");
    const { status, stderr } = start("muslish");
    expect(status).toBe(127);
    expect(stderr).toContain("libc.so: ");
    expect(await mixture("muslish")).toMatchObject({
      severity: "error",
      message: `${at("libmuslish.so")} was built for musl, but the program for glibc`,
    });
  });

  it("a library for glibc in a program for musl", async () => {
    const source = "extern int __printf_chk(int, const char *, ...);";
    build("gcc", "musl-gcc", "gnuish", `${source} int thing(void) { return __printf_chk(1, ""); }`);
    const { status, stderr } = start("gnuish");
    expect(status).toBe(127);
    expect(stderr).toContain("__printf_chk: symbol not found");
    expect(await mixture("gnuish")).toMatchObject({
      severity: "error",
      message: `${at("libgnuish.so")} was built for glibc, but the program for musl`,
    });
  });

  it("a library for musl in a program for musl", async () => {
    build("musl-gcc", "musl-gcc", "alike", "int thing(void) { return 0; }");
    expect(start("alike").status).toBe(0);
    expect(await findingsOf(at("alike"))).toEqual([]);
  });
});

describe("libc-mixed, judged by a loader's content", needs("gcc", "musl's loader"), () => {
  it("recognises musl's loader under the name of its library", async () => {
    const loader = at("renamed-musl/lib/libc.so");
    mkdirSync(dirname(loader), { recursive: true });
    copyFileSync("/lib/ld-musl-x86_64.so.1", loader);
    const own = library("libgnu.so");
    const source = "int thing(void); int main(void) { return thing(); }";
    const paths = [`-Wl,--dynamic-linker=${loader}`, `-Wl,-rpath,${directory}`];
    const program = gcc("renamed", source, own, ...paths);
    expect((await resolve(program)).libc).toBe("musl");
  });

  it("looks for musl's path file by the loader, not by the file's name", async () => {
    const loader = at("with-path/lib/libc.so");
    const searched = at("with-path/searched");
    for (const made of [dirname(loader), at("with-path/etc")]) mkdirSync(made, { recursive: true });
    copyFileSync("/lib/ld-musl-x86_64.so.1", loader);
    writeFileSync(at("with-path/etc/ld-musl-x86_64.path"), searched);
    const own = libraryAt(join(searched, "libfound.so"));
    const source = "int thing(void); int main(void) { return thing(); }";
    const program = gcc("with-path/program", source, own, `-Wl,--dynamic-linker=${loader}`);
    const { libraries } = await resolve(program);
    expect(libraries.find(({ soname }) => soname === "libfound.so")?.path).toBe(own);
  });
});

describe("relocations-unmarked", needs("gcc", "ld.lld"), () => {
  const source = "int number; int *pointer = &number; int main(void) { return *pointer; }";
  const linked = (name: string, ...flags: string[]) =>
    gcc(name, source, "-pie", "-fPIE", "-fuse-ld=lld", ...flags);

  it("agrees with the loader", async () => {
    const path = linked("unmarked", "-Wl,--pack-dyn-relocs=relr");
    const env = { PATH: process.env.PATH ?? "" };
    const { stderr } = spawnSync(path, { env, encoding: "utf8" });
    const refused = stderr.includes("DT_RELR without GLIBC_ABI_DT_RELR dependency");
    expect(coded(await findingsOf(path))).toEqual(refused ? ["error relocations-unmarked"] : []);
    expect((await inspect(path)).needed).toContain("libc.so.6");
  });

  it("is not found without packed relocations", async () => {
    expect(await findingsOf(linked("unpacked"))).toEqual([]);
  });
});

describe("unprotected-from-gc", () => {
  const subject = { shown: "/opt/it's/program", path: "/opt/it's/program" } as never;
  const kept = storePath("glibc-2.36");
  const loose = storePath("zlib-1.3", "b");
  const pointers = {
    interpreter: `${kept}/lib/ld.so`,
    runpath: `$ORIGIN:${loose}/lib`,
    rpath: null,
  };
  const circumstances = (rooted: Set<string> | null) =>
    ({
      place: storePlace(),
      store: { knowledge: async () => ({ closure: null, rooted }) },
    }) as unknown as Circumstances;

  it("names what no root keeps, and how to keep it", async () => {
    const [finding, ...others] = await gcFindings(
      subject,
      pointers,
      circumstances(new Set([kept])),
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: "unprotected-from-gc", severity: "warning" });
    expect(finding?.evidence).toEqual([`${loose} is in no GC root's closure`]);
    expect(finding?.remedy).toBe(
      `nix-store --realise ${loose} --add-root '/opt/it'\\''s/.program-gcroot' --indirect`,
    );
  });

  it("is not found if everything is kept, or if that is unknown", async () => {
    const all = new Set([kept, loose]);
    expect(await gcFindings(subject, pointers, circumstances(all))).toEqual([]);
    expect(await gcFindings(subject, pointers, circumstances(null))).toEqual([]);
    const inStore = { shown: `${loose}/bin/x`, path: `${loose}/bin/x` } as never;
    expect(await gcFindings(inStore, pointers, circumstances(new Set()))).toEqual([]);
  });
});
