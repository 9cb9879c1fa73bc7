// The stand-in loader on each of its machines: started by this one's kernel, and for the others by
// qemu.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { shellWord } from "../lib/base/shell.js";
import { compileWith } from "./support/compile.js";
import { needs, pathOf, unshare } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

interface Machine {
  /** Nix's name for it. */
  system: string;
  /** Node's name for it. */
  node: string;
  triplet: string;
  qemu: string;
  /** Its name in the stand-in's messages. */
  title: string;
}

const machines: Machine[] = [
  { system: "x86_64", node: "x64", triplet: "x86_64-linux-gnu", qemu: "x86_64", title: "x86-64" },
  { system: "i686", node: "ia32", triplet: "i686-linux-gnu", qemu: "i386", title: "i386" },
  {
    system: "aarch64",
    node: "arm64",
    triplet: "aarch64-linux-gnu",
    qemu: "aarch64",
    title: "AArch64",
  },
  {
    system: "riscv64",
    node: "riscv64",
    triplet: "riscv64-linux-gnu",
    qemu: "riscv64",
    title: "RISC-V",
  },
  { system: "armv7l", node: "arm", triplet: "arm-linux-gnueabihf", qemu: "arm", title: "ARM" },
  // Debian's armhf is Thumb, and its armel, like Nixpkgs' armv7l, is Arm's other instruction set.
  { system: "armv7l", node: "arm", triplet: "arm-linux-gnueabi", qemu: "arm", title: "ARM" },
];

const checkout = dirname(import.meta.dirname);
const shipped = ({ system }: Machine) =>
  join(checkout, "prebuilds/fixelf-ld", `${system}-linux`, "fixelf-ld");
const farm = "/run/current-system/sw/share/fixelf/farm";
const nixLd = "/run/current-system/sw/share/nix-ld/lib";

/** Prints what it sees of how it was started; `number` comes from a library. */
const report = `
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

extern int number(void);
extern char **environ;
extern void _start(void);

int main(int argc, char **argv) {
  const char *path = getenv("LD_LIBRARY_PATH");
  printf("library %d\\n", number());
  printf("arguments %d %s\\n", argc, argv[argc - 1]);
  printf("own %s\\n", path ? path : "none");
  printf("entry %s\\n", getauxval(AT_ENTRY) == (unsigned long)_start ? "own" : "another");
  printf("secure %lu\\n", getauxval(AT_SECURE));

  /* Where some look for the auxiliary vector: behind the environment's end. */
  char **end = environ;
  while (*end) ++end;
  printf("variables %d\\n", (int)(end - environ));
  unsigned long page = 0;
  for (unsigned long *entry = (unsigned long *)(end + 1); *entry != AT_NULL; entry += 2)
    if (*entry == AT_PAGESZ) page = entry[1];
  printf("auxiliary %s\\n", page == getauxval(AT_PAGESZ) ? "found" : "lost");
  fflush(stdout);
  return system("echo child \${LD_LIBRARY_PATH-none}");
}
`;
const healthy = { entry: "own", auxiliary: "found", secure: "0" };
const soname = "-Wl,-soname,libnumber.so";
const library = (number: number) => `int number(void) { return ${number}; }`;

const directory = scratchDirectory();

/** What its programs are built with, and what starts them. */
const partsOf = ({ system, node, triplet, qemu }: Machine) => [
  `stand-in for ${system}`,
  ...(node === process.arch ? ["gcc"] : [`${triplet}-gcc`, `qemu-${qemu}`]),
];

/** qemu-i386 does not let gdb see what a loader opens, not even an ordinary one, so the kernel has to. */
const isDebuggedHere = ({ node, system }: Machine) => node === process.arch || system === "i686";

const debuggersOf = (machine: Machine) =>
  isDebuggedHere(machine)
    ? ["gdb", ...(machine.system === "i686" ? ["i386's loader"] : [])]
    : ["gdb-multiarch", "strace"];

/** The loader that a program for this machine has by default. */
function realLoader({ node, triplet }: Machine, compiler: string): string {
  const lib = `/usr/${triplet}/lib`;
  if (node !== process.arch) {
    return join(lib, String(readdirSync(lib).find((entry) => /^ld-linux.*\.so\.\d$/.test(entry))));
  }
  const program = compileWith(compiler, join(directory, "ordinary"), "int main(void) {}");
  const interpreter = execFileSync("readelf", ["-W", "-l", program], { encoding: "utf8" });
  return String(/interpreter: (.*)\]/.exec(interpreter)?.[1]);
}

interface Started {
  status: number | null;
  stderr: string;
  /** The first word of each line, with the rest of it. */
  said: Record<string, string>;
}

/** One machine's compiler, programs and ways to start them. */
class Bench {
  readonly home: string;
  readonly loader: string;
  /** A copy of the stand-in that every user may read. */
  readonly standIn: string;
  readonly program: string;
  /** The library in the first one returns 1, that in the second 2. */
  readonly one: string;
  readonly two: string;

  readonly qemu: string;

  constructor(readonly machine: Machine) {
    this.home = join(directory, `${machine.system}-${machine.triplet}`);
    this.one = join(this.home, "one");
    this.two = join(this.home, "two");
    rmSync(this.home, { recursive: true, force: true });
    mkdirSync(this.home);
    this.standIn = join(this.home, "fixelf-ld");
    copyFileSync(shipped(machine), this.standIn);
    this.qemu = pathOf(`qemu-${machine.qemu}`) ?? "";
    this.loader = realLoader(machine, this.compiler);
    this.compile(this.libraryIn(this.one), library(1), "-shared", "-fPIC", soname);
    this.compile(this.libraryIn(this.two), library(2), "-shared", "-fPIC", soname);
    this.program = this.link("report", report);
  }

  get emulated() {
    return this.machine.node !== process.arch;
  }

  get compiler() {
    return this.emulated ? `${this.machine.triplet}-gcc` : "gcc";
  }

  libraryIn(folder: string) {
    return join(folder, "libnumber.so");
  }

  compile(output: string, source: string, ...options: string[]) {
    return compileWith(this.compiler, output, source, ...options);
  }

  /** A program whose interpreter is the stand-in. */
  link(name: string, source: string, ...options: string[]): string {
    return this.compile(
      join(this.home, name),
      source,
      ...[this.libraryIn(this.one), `-Wl,--dynamic-linker=${this.standIn}`],
      ...["-Wl,-rpath-link,/", ...options],
    );
  }

  /** Starts it with only these variables. */
  start(variables: Record<string, string>, command: readonly string[] = [this.program]): Started {
    const set = Object.entries(variables).flatMap((pair) => ["-E", pair.join("=")]);
    const [file = "", ...args] = this.emulated ? [this.qemu, ...set, ...command] : command;
    return described(
      spawnSync(file, args, {
        encoding: "utf8",
        env: this.emulated ? {} : variables,
        maxBuffer: 64 << 20,
      }),
    );
  }

  /**
   * What gdb prints for a program that it starts with these variables. An emulator answers gdb itself; it is traced as
   * well, for the program to see what it sees under a debugger on its own machine.
   */
  debug(variables: Record<string, string>, program: string, ...commands: string[]): string {
    const socket = join(this.home, "gdb");
    const set = Object.entries(variables).map((pair) => pair.join("="));
    const isHere = isDebuggedHere(this.machine);
    const asked = isHere
      ? [...set.map((pair) => `set environment ${pair.replace("=", " ")}`), ...commands]
      : [
          `target remote ${socket}`,
          ...commands.map((command) => command.replace("run", "continue")),
        ];
    const script = isHere
      ? ""
      : `rm -f "$1"
         strace -f -o /dev/null "$2" -g "$1" ${set.map((pair) => `-E '${pair}'`).join(" ")} "$3" >/dev/null &
         until [ -S "$1" ]; do sleep 0.05; done`;
    return execFileSync(
      "/bin/sh",
      [
        ...["-euc", `${script}\nshift 3\n"$@" 2>&1 </dev/null`, "sh", socket, this.qemu, program],
        ...[isHere ? "gdb" : "gdb-multiarch", "-batch", "-nx"],
        ...["-ex", "set sysroot /", "-ex", "set breakpoint pending on"],
        ...asked.flatMap((command) => ["-ex", command]),
        program,
      ],
      { encoding: "utf8", env: { PATH: process.env.PATH, HOME: this.home, LC_ALL: "C" } },
    );
  }

  /** Directories, and for an emulated machine its libc's. */
  path(...directories: string[]) {
    return [...directories, ...(this.emulated ? [dirname(this.loader)] : [])].join(":");
  }
}

function described(ended: { status: number | null; stdout: string; stderr: string }): Started {
  const lines = ended.stdout.split("\n").filter((line) => line !== "");
  const said = Object.fromEntries(
    lines.map((line) => [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)]),
  );
  return { status: ended.status, stderr: ended.stderr, said };
}

for (const machine of machines) {
  describe(
    `the stand-in loader for ${machine.system} (${machine.triplet})`,
    needs(...partsOf(machine), "readelf"),
    () => {
      let bench: Bench;
      beforeAll(() => {
        bench = new Bench(machine);
      });
      const ofSystem = (name: string) => `${name}_${machine.system}_linux`;

      it("needs nothing, not even relocations, and is small", () => {
        const { standIn } = bench;
        expect(statSync(standIn).size).toBeLessThan(40_000);
        const dump = execFileSync("readelf", ["-W", "-l", "-d", "-r", standIn], {
          encoding: "utf8",
          env: { ...process.env, LC_ALL: "C" },
        });
        expect(dump).toContain("There are no relocations in this file.");
        expect(dump).not.toMatch(/INTERP|NEEDED|TLS/);
        const segments = [...dump.matchAll(/^ +LOAD .* ([R ][W ][E ]) 0x/gm)].map(([, f]) => f);
        expect(segments).toEqual(["R E", "RW "]);
      });

      // What nix-ld's own tests require.
      describe.each([
        ["a position-independent program", "DYN", ["-fPIE", "-pie"]],
        ["a program of fixed addresses", "EXEC", ["-fno-pie", "-no-pie"]],
      ])("and %s", (_, type, options) => {
        let program: string;
        beforeAll(() => {
          program = bench.link(type, report, ...options);
          expect(execFileSync("readelf", ["-h", program], { encoding: "utf8" })).toContain(type);
        });
        const start = (variables: Record<string, string>, ...args: string[]) =>
          bench.start(variables, [program, ...args]);

        it("starts the loader of NIX_LD, with the libraries of NIX_LD_LIBRARY_PATH", () => {
          const environment = { NIX_LD: bench.loader, NIX_LD_LIBRARY_PATH: bench.path(bench.two) };
          expect(start(environment)).toEqual({
            status: 0,
            stderr: "",
            said: {
              library: "2",
              arguments: `1 ${program}`,
              own: "none",
              child: "none",
              variables: "2",
              ...healthy,
            },
          });
          const { said } = start(environment, "a", "b c");
          expect(said.arguments).toBe("3 b c");
        });

        it("gives the program and its children back the previous LD_LIBRARY_PATH", () => {
          const { status, said } = start({
            NIX_LD: bench.loader,
            NIX_LD_LIBRARY_PATH: bench.path(bench.two),
            LD_LIBRARY_PATH: "/not/there",
          });
          expect({ status, said }).toMatchObject({
            status: 0,
            said: { library: "2", own: "/not/there", child: "/not/there", ...healthy },
          });
        });

        it("searches LD_LIBRARY_PATH before NIX_LD_LIBRARY_PATH", () => {
          const { said } = start({
            NIX_LD: bench.loader,
            NIX_LD_LIBRARY_PATH: bench.path(bench.two),
            LD_LIBRARY_PATH: bench.one,
          });
          expect(said).toMatchObject({ library: "1", child: bench.one });
        });

        it("prefers the system's variables to the general ones", () => {
          const { status, said } = start({
            NIX_LD: "/not/there",
            [ofSystem("NIX_LD")]: bench.loader,
            [ofSystem("NIX_LD_LIBRARY_PATH")]: bench.path(bench.two),
            NIX_LD_LIBRARY_PATH: bench.path(bench.one),
            // Another system's, and another variable.
            NIX_LD_mips_linux: "/not/there",
            [`${ofSystem("NIX_LD")}x`]: "/not/there",
          });
          expect({ status, said }).toMatchObject({ status: 0, said: { library: "2" } });
          const hidden = start({ NIX_LD: bench.loader, [ofSystem("NIX_LD")]: "/not/there" });
          expect(hidden.status).toBe(127);
        });
      });

      it("reports what helps against a missing library, before the loader names it", () => {
        const { loader, program } = bench;
        const variables = { NIX_LD: loader, NIX_LD_LIBRARY_PATH: bench.path() };
        const { status, stderr } = bench.start(variables);
        expect(status).toBe(127);
        expect(stderr.split("\n")[0]).toBe(
          `fixelf-ld: ${program} needs libnumber.so, which is in no directory that its loader ` +
            `searches; \`fixelf env --get ${shellWord(program)}\` gets it if no store path has it, and ` +
            "prints what to set",
        );
        expect(stderr).toContain("error while loading shared libraries: libnumber.so");
        const quiet = bench.start({ ...variables, NIX_LD_LOG: "error" });
        expect(quiet.stderr).not.toContain("fixelf-ld:");
      });

      it("reports nothing about one that may be loaded in another way", () => {
        const { loader, one } = bench;
        const nowhere = { NIX_LD: loader, NIX_LD_LIBRARY_PATH: bench.path("/nowhere") };
        // Directories for particular processors.
        const kinds = join(bench.one, "../kinds");
        mkdirSync(join(kinds, "glibc-hwcaps"), { recursive: true });
        const told = { ...nowhere, NIX_LD_LIBRARY_PATH: bench.path(kinds) };
        expect(bench.start(told).stderr).not.toContain("fixelf-ld:");
        // Preloaded, under the name by which it is needed.
        const preload = { ...nowhere, LD_PRELOAD: join(one, "libnumber.so") };
        expect(bench.start(preload).stderr).not.toContain("needs");
        // Between semicolons, which glibc accepts in a variable.
        const both = { NIX_LD: loader, NIX_LD_LIBRARY_PATH: bench.path(`/nowhere;${one}`) };
        expect(bench.start(both)).toMatchObject({ stderr: "", said: { library: "1" } });
        // Only the caller's own variable; an empty element at the end is the working directory.
        const own = { NIX_LD: loader, NIX_LD_LIBRARY_PATH: "" };
        for (const path of [kinds, `/nowhere;${one}`, one, `${one}/nowhere:`])
          expect(
            bench.start({ ...own, LD_LIBRARY_PATH: bench.path(path) }).stderr,
            path,
          ).not.toContain("fixelf-ld:");
        const empty = { ...own, NIX_LD_LIBRARY_PATH: bench.path("/nowhere:") };
        expect(bench.start(empty).stderr).not.toContain("fixelf-ld:");
      });

      it(
        "lets gdb stop in a library that is opened at run time",
        needs(...debuggersOf(machine)),
        () => {
          const plugin = join(bench.home, "plugin.so");
          bench.compile(plugin, "int plugged(void) { return 42; }", "-shared", "-fPIC");
          const opens = `
          #include <dlfcn.h>
          extern int number(void);
          int main(void) {
            int (*plugged)(void) = dlsym(dlopen("${plugin}", RTLD_NOW), "plugged");
            return plugged() + number() - 43;
          }`;
          // Without symbols of its own that gdb could take for the loader's.
          const program = bench.link("opens", opens, "-s", "-ldl");
          const said = bench.debug(
            { NIX_LD: bench.loader, NIX_LD_LIBRARY_PATH: bench.path(bench.one) },
            program,
            ...["break plugged", "run", "info symbol $pc", "continue"],
          );
          expect(said).toMatch(/^plugged.* in section \.text of .*\/plugin\.so$/m);
          expect(said).toContain("exited normally");
        },
      );

      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the loader's
      it.each(["$ORIGIN/one", "/nowhere:${ORIGIN}/one", "absolute"])(
        "reports nothing about one that the program itself finds, in %s",
        (path) => {
          const runpath = path === "absolute" ? bench.one : path;
          const program = bench.link("finder", report, `-Wl,-rpath,${runpath}`);
          const variables = { NIX_LD: bench.loader, NIX_LD_LIBRARY_PATH: bench.path("/nowhere") };
          const level = { NIX_LD_LOG: "warn" };
          const { said, stderr } = bench.start({ ...variables, ...level }, [program]);
          expect(stderr).not.toContain("needs");
          expect(said).toMatchObject({ library: "1" });
        },
      );

      it("names a missing loader, and the variable", () => {
        expect(bench.start({ NIX_LD: "/not/there/ld.so" })).toEqual({
          status: 127,
          said: {},
          stderr:
            `fixelf-ld: cannot start ${bench.program}: NIX_LD names /not/there/ld.so, which is ` +
            "not there; set NIX_LD to one that `fixelf loaders` lists, or unset it\n",
        });
        const { stderr } = bench.start({ [ofSystem("NIX_LD")]: "/not/there/ld.so" });
        expect(stderr).toContain(`: ${ofSystem("NIX_LD")} names /not/there/ld.so, which`);
      });

      it("names a loader for another machine", () => {
        const other = machine.system === "aarch64" ? "x86-64" : "AArch64";
        const path = join(bench.home, "other-machine");
        const bytes = readFileSync(bench.loader);
        bytes[4] = 2;
        bytes.writeUInt16LE(other === "AArch64" ? 183 : 62, 18);
        writeFileSync(path, bytes);
        expect(bench.start({ NIX_LD: path })).toEqual({
          status: 127,
          said: {},
          stderr:
            `fixelf-ld: cannot start ${bench.program}: NIX_LD names ${path}, which is for ` +
            `${other}, but the program is for ${machine.title}; set ${ofSystem("NIX_LD")} to one ` +
            `that \`fixelf loaders\` lists for ${machine.title}\n`,
        });
      });

      it("does not start a truncated loader", () => {
        const path = join(bench.home, "truncated");
        const bytes = readFileSync(bench.loader);
        const end = loadedEnd(bench.loader);
        for (const length of [0, 3, 40, 64, 120, 500, 4096, end >> 1, end - 1]) {
          writeFileSync(path, bytes.subarray(0, length));
          const { status, stderr, said } = bench.start({ NIX_LD: path });
          expect({ length, status, said }).toEqual({ length, status: 127, said: {} });
          expect(stderr).toMatch(
            /^fixelf-ld: cannot start \S+: NIX_LD names \S+, which is (not an ELF file|damaged: [^;]+); set NIX_LD to [^\n]+\n$/,
          );
        }
        writeFileSync(path, bytes.subarray(0, end));
        const whole = { NIX_LD: path, NIX_LD_LIBRARY_PATH: bench.path(bench.one) };
        expect(bench.start(whole).said).toMatchObject({ library: "1" });
      });

      it(
        "prints commands that name the program as it was called, whatever that is",
        needs("bash"),
        () => {
          const read = 'fixelf() { printf "%s\\0" "$@"; }; eval "$1"';
          const named = (line: string) => {
            const command = /`(fixelf (?:fix|env) .*)`/.exec(line)?.[1] ?? "";
            const { stdout } = spawnSync("bash", ["-c", read, "bash", command], {
              encoding: "utf8",
            });
            return { command, words: stdout.split("\0").slice(0, -1) };
          };
          const names = ["two words", "it's", "`id` $(id) $HOME", "li\nne's \\ end", "ä;b", "*"];
          for (const name of names) {
            const program = join(bench.home, name);
            copyFileSync(bench.program, program);
            const { command, words } = named(bench.start({}, [program]).stderr);
            expect(words).toEqual(["fix", program]);
            expect(command).toBe(`fixelf fix ${shellWord(program)}`);
            const variables = { NIX_LD: bench.loader, NIX_LD_LIBRARY_PATH: bench.path() };
            const [warning = ""] = bench.start(variables, [program]).stderr.split("\n");
            expect(named(warning).words).toEqual(["env", "--get", program]);
          }
        },
      );

      it("reports in an empty environment which variables and places it tried", () => {
        const { status, stderr } = bench.start({});
        expect(status).toBe(127);
        expect(stderr).toBe(
          `fixelf-ld: cannot start ${bench.program}: no variable names a loader, and neither ` +
            `${farm}/ld.so nor ${nixLd}/ld.so is there; set NIX_LD to one that \`fixelf loaders\` ` +
            `lists, or mend the program with \`fixelf fix ${shellWord(bench.program)}\`\n`,
        );
      });
    },
  );
}

/** Where the last of the loaded parts ends in the file. */
function loadedEnd(path: string): number {
  const table = execFileSync("readelf", ["-W", "-l", path], { encoding: "utf8" });
  const loads = [...table.matchAll(/^ +LOAD +(0x\w+) +\w+ +\w+ +(0x\w+)/gm)];
  return Math.max(...loads.map(([, offset, size]) => Number(offset) + Number(size)));
}

const host = machines.find(({ node }) => node === process.arch);

/** Runs a command with nothing in /run but what `layOut`, a few lines of shell, puts there. */
const inOwnRun = (layOut: string, command: readonly string[]) => [
  ...unshare,
  ...["/bin/sh", "-euc", `mount -t tmpfs tmpfs /run; ${layOut}; exec "$@"`, "sh", ...command],
];

const partsHere = [...(host ? partsOf(host) : ["x86-64"]), "readelf", "mount namespaces"];

describe("the stand-in loader on this machine", needs(...partsHere), () => {
  let bench: Bench;
  beforeAll(() => {
    bench = new Bench(host as Machine);
  });

  const put = (folder: string, loader: string, libraries: string) =>
    `mkdir -p ${folder}; ln -s ${loader} ${folder}/ld.so; ln -s ${libraries} ${folder}/libnumber.so`;
  const startIn = (
    layOut: string,
    environment: Record<string, string> = {},
    command = [bench.program],
  ) => {
    const set = Object.entries(environment).map((pair) => pair.join("="));
    return bench.start(
      { PATH: String(process.env.PATH) },
      inOwnRun(layOut, ["env", "-i", ...set, ...command]),
    );
  };

  it("uses a farm when no variable is set", () => {
    const { one, two, loader, libraryIn } = bench;
    const layOut = put(farm, loader, libraryIn(two));
    const started = {
      status: 0,
      stderr: "",
      said: { library: "2", own: "none", child: "none", variables: "0", ...healthy },
    };
    expect(startIn(layOut)).toMatchObject(started);
    // Even if nix-ld's place exists.
    const other = put(nixLd, "/not/there", libraryIn(one));
    expect(startIn(`${layOut}; ${other}`)).toMatchObject(started);
  });

  it("uses nix-ld's place when no variable is set", () => {
    const { one, two, loader, libraryIn } = bench;
    const layOut = put(nixLd, loader, libraryIn(two));
    expect(startIn(layOut).said).toMatchObject({ library: "2", own: "none", child: "none" });

    // A farm without a loader, or with one for another machine, still has libraries.
    const bare = `mkdir -p ${farm}; ln -s ${libraryIn(one)} ${farm}`;
    expect(startIn(`${layOut}; ${bare}`).said.library).toBe("1");
    const foreign = join(bench.home, "foreign");
    const bytes = readFileSync(loader);
    bytes.writeUInt16LE(22, 18);
    writeFileSync(foreign, bytes);
    expect(startIn(`${layOut}; ${put(farm, foreign, libraryIn(one))}`).said.library).toBe("1");
    const { stderr } = startIn(put(farm, foreign, libraryIn(one)));
    expect(stderr).toContain(`the default loader ${farm}/ld.so is for another machine (22)`);
  });

  it("takes each default independently, and an empty NIX_LD as unset", () => {
    const { one, two, loader, libraryIn } = bench;
    const layOut = put(farm, loader, libraryIn(two));
    expect(startIn(layOut, { NIX_LD: "" }).said.library).toBe("2");
    expect(startIn(layOut, { NIX_LD_LIBRARY_PATH: one }).said.library).toBe("1");
    const loaderless = `mkdir -p ${nixLd}; ln -s ${libraryIn(two)} ${nixLd}`;
    expect(startIn(loaderless, { NIX_LD: loader }).said.library).toBe("2");
  });

  it("searches LD_LIBRARY_PATH before the defaults", () => {
    const { one, two, loader, libraryIn } = bench;
    const layOut = put(farm, loader, libraryIn(two));
    const { said } = startIn(layOut, { LD_LIBRARY_PATH: one });
    expect(said).toMatchObject({ library: "1", own: one, child: one });
    const elsewhere = { LD_LIBRARY_PATH: "/not/there:" };
    expect(startIn(layOut, elsewhere).said).toMatchObject({ library: "2", own: "/not/there:" });
  });

  it("keeps an empty element at the end of LD_LIBRARY_PATH, the working directory", () => {
    const { two, loader } = bench;
    const variables = { NIX_LD: loader, NIX_LD_LIBRARY_PATH: two, NIX_LD_LOG: "debug" };
    const { stderr } = bench.start({ ...variables, LD_LIBRARY_PATH: "/not/there:" });
    expect(stderr).toContain(`the loader sees LD_LIBRARY_PATH=/not/there::${two}\n`);
  });

  it("adds nothing if NIX_LD_LIBRARY_PATH is empty", () => {
    const { two, loader, libraryIn } = bench;
    const layOut = put(farm, loader, libraryIn(two));
    const { status, stderr } = startIn(layOut, { NIX_LD_LIBRARY_PATH: "" });
    expect(status).toBe(127);
    expect(stderr).toContain("libnumber.so");
    // Not even an empty element, which would be the working directory.
    const traced = startIn(layOut, {
      NIX_LD_LIBRARY_PATH: "",
      LD_LIBRARY_PATH: two,
      NIX_LD_LOG: "debug",
    });
    expect(traced.said).toMatchObject({ library: "2", own: two });
    expect(traced.stderr).not.toContain("LD_LIBRARY_PATH=");
  });

  it("reports as much as NIX_LD_LOG asks for", () => {
    const { loader, two } = bench;
    const at = (level: string) =>
      bench.start({ NIX_LD: loader, NIX_LD_LIBRARY_PATH: two, NIX_LD_LOG: level }).stderr;
    for (const level of ["off", "error", "warn", "WARN"]) expect(at(level)).toBe("");
    expect(at("info")).toBe(
      `fixelf-ld: NIX_LD names the loader ${loader}\n` +
        `fixelf-ld: NIX_LD_LIBRARY_PATH names the libraries' directories ${two}\n`,
    );
    for (const level of ["debug", "trace", "Debug"])
      expect(at(level)).toMatch(
        new RegExp(
          `^${at("info")}fixelf-ld: the loader sees LD_LIBRARY_PATH=${two}\n` +
            "fixelf-ld: the loader is at 0x[0-9a-f]+ and begins at 0x[0-9a-f]+\n$",
        ),
      );
    expect(at("loud")).toBe(
      "fixelf-ld: NIX_LD_LOG is loud, which is not one of off, error, warn, info, debug and trace\n",
    );
    // A failed start is reported at every level.
    const { stderr } = bench.start({ NIX_LD: "/not/there", NIX_LD_LOG: "off" });
    expect(stderr).toContain("/not/there");
  });

  it("warns if none of NIX_LD_LIBRARY_PATH's directories exist", () => {
    const { loader, one } = bench;
    const with_ = (path: string, more = {}) =>
      bench.start({ NIX_LD: loader, NIX_LD_LIBRARY_PATH: path, LD_LIBRARY_PATH: one, ...more });
    expect(with_("/not/there:/nor/there")).toMatchObject({
      status: 0,
      stderr:
        "fixelf-ld: no directory of NIX_LD_LIBRARY_PATH is there: /not/there:/nor/there; set it " +
        "to what `fixelf env` prints for the program, or unset it\n",
      said: { library: "1" },
    });
    for (const quiet of [`/not/there:${one}`, "$ORIGIN/lib", "lib", ":/not/there"])
      expect(with_(quiet).stderr).toBe("");
    expect(with_("/not/there", { NIX_LD_LOG: "error" }).stderr).toBe("");
  });

  it("lets no control character through to the terminal", () => {
    const { stderr } = bench.start({ NIX_LD: "/not/\u001b[31m\nthere" });
    expect(stderr).toContain("NIX_LD names /not/?[31m?there, which");
  });

  it("refuses what is not a loader", () => {
    const { home, standIn, program, one, libraryIn } = bench;
    const fifo = join(home, "fifo");
    const text = join(home, "text");
    execFileSync("mkfifo", [fifo]);
    writeFileSync(text, "#!/bin/sh\n".repeat(100));
    const refused = (path: string) => {
      const { status, stderr, said } = bench.start({ NIX_LD: path });
      expect({ status, said }).toEqual({ status: 127, said: {} });
      return / names (.*), which (.*); /.exec(stderr)?.slice(1);
    };
    expect(refused(program)).toEqual([program, "is not a loader"]);
    expect(refused(libraryIn(one))).toEqual([libraryIn(one), "is not a loader"]);
    expect(refused(standIn)).toEqual([standIn, "is a stand-in loader itself"]);
    expect(refused(home)).toEqual([home, "cannot be read (it is a directory)"]);
    expect(refused(fifo)).toEqual([fifo, "cannot be read (it is not a regular file)"]);
    expect(refused(text)).toEqual([text, "is not an ELF file"]);
    expect(refused("x".repeat(5000))?.[1]).toBe("cannot be read (the name is too long)");
    expect(refused(`${text}/ld.so`)?.[1]).toBe("is not there");
  });

  it("names a loader on a file system mounted noexec", () => {
    const { loader, program } = bench;
    const layOut = `mount -t tmpfs -o noexec tmpfs /run; cp ${loader} /run/ld.so`;
    const { status, stderr } = startIn(layOut, { NIX_LD: "/run/ld.so" });
    expect(status).toBe(127);
    expect(stderr).toBe(
      `fixelf-ld: cannot start ${program}: NIX_LD names /run/ld.so, which cannot be mapped (its ` +
        "file system does not allow programs (noexec)); set NIX_LD to one that `fixelf loaders` " +
        "lists, or unset it\n",
    );
  });

  it("restores the environment even if a constructor has changed it meanwhile", () => {
    const { two, loader, libraryIn } = bench;
    const layOut = put(farm, loader, libraryIn(two));
    const changing = (change: string) => {
      const source = `#include <stdlib.h>
          __attribute__((constructor)) static void change(void) { ${change} }`;
      // In a library, since a program's own constructors run after its entry point.
      const path = join(bench.home, "libchange.so");
      bench.compile(path, source, "-shared", "-fPIC");
      return bench.link("changed", report, "-Wl,--no-as-needed", path);
    };
    const run = (change: string, environment: Record<string, string>) =>
      startIn(layOut, environment, [changing(change)]).said;
    const some = { A: "1", B: "2" };
    const set = 'setenv("C", "3", 1);';
    const unset = 'unsetenv("A");';
    expect(run(unset, some)).toMatchObject({ child: "none", own: "none", variables: "1" });
    expect(run(set, some)).toMatchObject({ child: "none", own: "none" });
    expect(run(unset, { ...some, LD_LIBRARY_PATH: "/x" })).toMatchObject({
      ...{ child: "/x", own: "/x", variables: "2" },
    });
  });

  it("starts a program that was given no arguments, not even its name", () => {
    const starter = bench.compile(
      join(bench.home, "no-arguments"),
      `#include <unistd.h>
        int main(int argc, char **argv) {
          char *none[] = { 0 };
          (void)argc;
          return execve(argv[1], none, none);
        }`,
    );
    const { two, loader, libraryIn, program } = bench;
    const layOut = put(farm, loader, libraryIn(two));
    expect(startIn(layOut, {}, [starter, program]).said).toMatchObject({ library: "2" });
  });

  it("passes on an environment that is nearly as large as the kernel allows", () => {
    const { two, loader } = bench;
    // A quarter of the stack: fs/exec.c, bprm_stack_limits. And no string of more than 128 KiB.
    const few = Object.fromEntries(
      Array.from({ length: 15 }, (_, index) => [`LARGE_${index}`, "x".repeat(127 * 1024)]),
    );
    const many = Object.fromEntries(
      Array.from({ length: 80_000 }, (_, index) => [`V${index}`, "1"]),
    );
    for (const large of [few, many]) {
      const environment = { ...large, NIX_LD: loader, NIX_LD_LIBRARY_PATH: two };
      const { status, stderr, said } = bench.start(environment);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const variables = String(Object.keys(environment).length);
      expect(said).toMatchObject({ library: "2", variables, child: "none", ...healthy });
    }
    const longest = "/x".repeat(65_000);
    const { said } = bench.start({
      NIX_LD: loader,
      NIX_LD_LIBRARY_PATH: two,
      LD_LIBRARY_PATH: longest,
    });
    expect(said).toMatchObject({ library: "2", own: longest, child: longest });
  });

  it("leaves nothing behind in two thousand starts", needs("ps"), () => {
    const { loader, two, home } = bench;
    const source = `#include <dirent.h>
        #include <stdio.h>
        extern int number(void);
        int main(void) {
          int files = 0, mappings = 0;
          char line[8192];
          FILE *maps = fopen("/proc/self/maps", "r");
          while (fgets(line, sizeof line, maps)) ++mappings;
          fclose(maps);
          DIR *directory = opendir("/proc/self/fd");
          while (readdir(directory)) ++files;
          printf("%d %d %d\\n", number(), files, mappings);
          return 0;
        }`;
    const counts = bench.link("counts", source);
    const usual = join(home, "usual-counts");
    bench.compile(usual, source, bench.libraryIn(two), `-Wl,-rpath,${two}`);
    const before = readdirSync(home).sort();
    const startAll = (program: string, count: number) => {
      const loop = `for start in $(seq ${count}); do ${program} || exit 1; done | sort | uniq -c`;
      const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", loop], {
        encoding: "utf8",
        env: { PATH: process.env.PATH, NIX_LD: loader, NIX_LD_LIBRARY_PATH: two },
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const [starts, number, files, mappings = Number.NaN] = stdout.trim().split(/ +/).map(Number);
      return { lines: stdout.trim().split("\n").length, starts, number, files, mappings };
    };
    const { files, mappings } = startAll(usual, 1);
    const started = startAll(counts, 2000);
    expect(started).toMatchObject({ lines: 1, starts: 2000, number: 2, files });
    // Our code and our data.
    expect(started.mappings).toBe(mappings + 2);
    expect(readdirSync(home).sort()).toEqual(before);
    const running = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });
    expect(running).not.toContain(counts);
  });

  it("maps the real loader as the kernel does", () => {
    const { loader, two } = bench;
    const source = `#include <stdio.h>
        extern int number(void);
        int main(void) {
          char line[8192];
          FILE *maps = fopen("/proc/self/maps", "r");
          while (fgets(line, sizeof line, maps)) fputs(line, stdout);
          return number() - 2;
        }`;
    const program = bench.link("maps", source);
    const usual = join(bench.home, "usual-maps");
    bench.compile(usual, source, bench.libraryIn(two), `-Wl,-rpath,${two}`);
    const real = realpathSync(loader);
    const mappings = (command: string) =>
      execFileSync(command, [], {
        encoding: "utf8",
        env: { NIX_LD: loader, NIX_LD_LIBRARY_PATH: two },
      })
        .split("\n")
        .map((line) => line.split(/ +/))
        .filter((fields) => fields[5] === real)
        .map(([range = "", protection, offset]) => {
          const [start = 0, end = 0] = range
            .split("-")
            .map((address) => Number.parseInt(address, 16));
          return { size: end - start, protection, offset };
        });
    expect(mappings(program)).toEqual(mappings(usual));
  });

  it("becomes the real loader when started by itself", () => {
    const { loader, one, two, standIn, program } = bench;
    const environment = { NIX_LD: loader, NIX_LD_LIBRARY_PATH: two };
    expect(bench.start(environment, [standIn, program, "a", "b"])).toMatchObject({
      status: 0,
      stderr: "",
      said: { library: "2", arguments: "3 b", own: "none", child: "none" },
    });
    const both = { ...environment, LD_LIBRARY_PATH: one };
    expect(bench.start(both, [standIn, program]).said).toMatchObject({ library: "1", own: one });
    const option = ["--library-path", one];
    expect(bench.start(environment, [standIn, ...option, program]).said.library).toBe("1");
    const listed = spawnSync(standIn, ["--list", program], {
      encoding: "utf8",
      env: environment,
    });
    expect(listed.stdout).toContain(join(two, "libnumber.so"));

    expect(bench.start({ NIX_LD: "/not/there" }, [standIn, program])).toMatchObject({
      status: 127,
      stderr: expect.stringContaining(`cannot start ${program}: NIX_LD names /not/there, which`),
    });
    const alone = bench.start(environment, [standIn]);
    expect(alone.status).toBe(127);
    expect(alone.stderr).toMatch(/^fixelf-ld: this stands in for [^\n]* by hand\n$/);
  });

  it("does not map a loader with headers that contradict themselves or the file", () => {
    const { home, loader } = bench;
    const path = join(home, "contradiction");
    const original = readFileSync(loader);
    const wide = original[4] === 2;
    const headers = wide ? 64 : 52;
    const entrySize = wide ? 56 : 32;
    // The offsets of a program header's fields: gABI, figure 2-1.
    const at = wide
      ? { type: 0, flags: 4, offset: 8, address: 16, file: 32, memory: 40 }
      : { type: 0, flags: 24, offset: 4, address: 8, file: 16, memory: 20 };
    const count = original.readUInt16LE(wide ? 56 : 44);
    const loads = Array.from({ length: count }, (_, index) => headers + index * entrySize).filter(
      (header) => original.readUInt32LE(header) === 1,
    );
    const [first = 0] = loads;
    const last = loads.at(-1) ?? 0;
    const put = (bytes: Buffer, place: number, value: bigint) => {
      if (wide) bytes.writeBigUInt64LE(BigInt.asUintN(64, value), place);
      else bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)), place);
    };
    const get = (place: number) =>
      wide ? original.readBigUInt64LE(place) : BigInt(original.readUInt32LE(place));
    const refused = (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(original);
      change(bytes);
      writeFileSync(path, bytes);
      const { status, stderr, said } = bench.start({ NIX_LD: path });
      expect({ status, said }).toEqual({ status: 127, said: {} });
      return /, which is (?:damaged: )?(.*); /.exec(stderr)?.[1];
    };
    const huge = -4096n;

    expect(refused((bytes) => bytes.writeUInt16LE(1, 16))).toBe(
      "it is neither a library nor a program",
    );
    expect(refused((bytes) => bytes.writeUInt16LE(0, wide ? 56 : 44))).toBe(
      "it has no program headers",
    );
    expect(refused((bytes) => bytes.writeUInt16LE(0xffff, wide ? 56 : 44))).toBe(
      "it has too many program headers",
    );
    for (const offset of [huge, -1n, BigInt(original.length)])
      expect(refused((bytes) => put(bytes, wide ? 32 : 28, offset))).toBe(
        "it ends before its program headers do",
      );
    for (const load of loads) {
      for (const field of [at.offset, at.address, at.file])
        expect(
          refused((bytes) => put(bytes, load + field, huge + (get(load + field) & 0xfffn))),
        ).toMatch(
          /^(the sizes in its program headers contradict each other|it ends before its segments do|its segments overlap or are not in their order)$/,
        );
      expect(refused((bytes) => put(bytes, load + at.address, get(load + at.address) + 8n))).toBe(
        "its segments do not lie at the starts of pages",
      );
      expect(refused((bytes) => put(bytes, load + at.memory, 1n << 30n))).toMatch(
        /^(it asks for too much memory|its segments overlap or are not in their order|a segment that is partly zeroes cannot be written)$/,
      );
    }
    expect(refused((bytes) => put(bytes, last + at.memory, -1n - get(last + at.address)))).toMatch(
      /^(the sizes in its program headers contradict each other|it asks for too much memory)$/,
    );
    expect(refused((bytes) => put(bytes, last + at.address, get(first + at.address)))).toMatch(
      /^its segments (overlap or are not in their order|do not lie at the starts of pages)$/,
    );
    expect(refused((bytes) => bytes.writeUInt32LE(4, last + at.flags))).toBe(
      "a segment that is partly zeroes cannot be written",
    );
    expect(
      refused((bytes) => {
        for (const load of loads) bytes.writeUInt32LE(0, load);
      }),
    ).toBe("it has no segments to load");
    for (const entry of [0n, -1n, get(last + at.address), 1n << 31n])
      expect(refused((bytes) => put(bytes, 24, entry))).toBe("not a loader");
  });
});

const musl = "/lib/ld-musl-x86_64.so.1";

describe(
  "the stand-in loader with musl's loader",
  needs(...partsHere, "musl-gcc", "musl's loader"),
  () => {
    it("starts programs that find their libraries, at start and later", () => {
      const home = join(directory, "musl");
      mkdirSync(home);
      const standIn = join(home, "fixelf-ld");
      copyFileSync(shipped(host as Machine), standIn);
      const make = (name: string, source: string, ...options: string[]) =>
        compileWith("musl-gcc", join(home, name), source, ...options);
      const shared = make("libnumber.so", library(2), "-shared", "-fPIC", soname);
      make("liblate.so", "int late;", "-shared", "-fPIC");
      const program = make(
        "program",
        `${report.replace("int main", "int ordinary")}
      #include <dlfcn.h>
      int main(int argc, char **argv) {
        printf("late %s\\n", dlopen("liblate.so", RTLD_NOW) ? "found" : dlerror());
        return ordinary(argc, argv);
      }`,
        ...[shared, `-Wl,--dynamic-linker=${standIn}`],
      );
      for (const before of [{}, { LD_LIBRARY_PATH: "/not/there" }]) {
        const own = before.LD_LIBRARY_PATH ?? "none";
        const env = { NIX_LD: musl, NIX_LD_LIBRARY_PATH: home, ...before };
        const said = { library: "2", late: "found", own, child: own, ...healthy };
        const started = { status: 0, stderr: "", said };
        expect(described(spawnSync(program, [], { encoding: "utf8", env }))).toMatchObject(started);
      }
      // If the default is glibc's, the message says so; unless a default place has musl's as well.
      const glibc = `${farm}/ld.so`;
      const ours = join(home, basename(musl));
      copyFileSync(standIn, ours);
      const main = "int main(void) { return 42; }";
      const usual = make("usual", main, `-Wl,--dynamic-linker=${ours}`);
      const inRun = (layOut: string) =>
        spawnSync(
          "unshare",
          inOwnRun(`mkdir -p ${farm}; ${layOut}`, ["env", "-i", usual]).slice(1),
          {
            encoding: "utf8",
          },
        );
      const real = realLoader(host as Machine, "gcc");
      const refused = inRun(`ln -s ${real} ${glibc}`);
      expect(refused.stderr).toContain("is glibc's, and the program is for musl");
      expect(refused.status).toBe(127);
      expect(inRun(`ln -s ${real} ${glibc}; ln -s ${musl} ${farm}`)).toMatchObject({
        status: 42,
        stderr: "",
      });
      const env = { NIX_LD: musl, NIX_LD_LIBRARY_PATH: home };
      const directly = described(spawnSync(standIn, [program], { encoding: "utf8", env }));
      expect(directly).toMatchObject({ status: 0, said: { library: "2", late: "found" } });
    });
  },
);

describe("the stand-in loader in secure mode", needs(...partsHere, "root", "setpriv"), () => {
  it("ignores all variables", () => {
    const bench = new Bench(host as Machine);
    const { one, two, loader, libraryIn } = bench;
    const program = bench.link("setuid", report, `-Wl,-rpath,${one}`);
    chmodSync(program, 0o4755);
    const asAnother = (layOut: string, ...variables: string[]) =>
      described(
        spawnSync(
          "unshare",
          inOwnRun(layOut, [
            ...["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"],
            ...["env", "-i", ...variables, program],
          ]).slice(1),
          { encoding: "utf8" },
        ),
      );
    const layOut = `mkdir -p ${farm}; ln -s ${loader} ${farm}/ld.so; ln -s ${libraryIn(two)} ${farm}`;
    const started = {
      status: 0,
      stderr: "",
      said: { library: "1", secure: "1", own: "none", child: "none", entry: "own" },
    };
    expect(asAnother(layOut)).toMatchObject(started);
    const variables = [
      ...["NIX_LD=/not/there", `NIX_LD_${host?.system}_linux=/not/there`],
      ...[`NIX_LD_LIBRARY_PATH=${two}`, `NIX_LD_LIBRARY_PATH_${host?.system}_linux=${two}`],
      ...["NIX_LD_LOG=trace", `LD_LIBRARY_PATH=${two}`],
    ];
    const { stderr: warning, ...others } = asAnother(layOut, ...variables);
    const { stderr: _, ...same } = started;
    expect(others).toMatchObject(same);
    expect(warning).toBe(
      `fixelf-ld: ${program} runs with other rights than the user that starts it, so that ` +
        `NIX_LD_${host?.system}_linux does not count\n`,
    );
    // Without the defaults the message does not name the variable.
    const { status, stderr } = asAnother("true", `NIX_LD=${loader}`);
    expect(status).toBe(127);
    expect(stderr).toContain("so that no variable counts, and the default loader /run/");
    expect(stderr).not.toContain("set NIX_LD");
  });
});
