// The editor on every machine for which Debian has a cross compiler; qemu runs the results.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import type { Edits } from "../lib/addon/requests.js";
import { compileWith } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { patience } from "./support/patience.js";
import { scratchDirectory } from "./support/scratch.js";

interface Machine {
  triplet: string;
  qemu: string;
  /** inspect's name for it. */
  name: string;
  /** readelf's name for it. */
  readelf: string;
}

const machines: Machine[] = [
  { triplet: "i686-linux-gnu", qemu: "i386", name: "i386", readelf: "Intel 80386" },
  { triplet: "aarch64-linux-gnu", qemu: "aarch64", name: "aarch64", readelf: "AArch64" },
  { triplet: "arm-linux-gnueabihf", qemu: "arm", name: "arm", readelf: "ARM" },
  { triplet: "riscv64-linux-gnu", qemu: "riscv64", name: "riscv", readelf: "RISC-V" },
  { triplet: "powerpc64le-linux-gnu", qemu: "ppc64le", name: "ppc64", readelf: "PowerPC64" },
  { triplet: "powerpc64-linux-gnu", qemu: "ppc64", name: "ppc64", readelf: "PowerPC64" },
  { triplet: "s390x-linux-gnu", qemu: "s390x", name: "s390", readelf: "IBM S/390" },
  {
    triplet: "mips64el-linux-gnuabi64",
    qemu: "mips64el",
    name: "mips",
    readelf: "MIPS R3000",
  },
  { triplet: "mips-linux-gnu", qemu: "mips", name: "mips", readelf: "MIPS R3000" },
];

const builds = [
  { title: "position-independent", options: ["-pie", "-fPIE"] },
  { title: "at a fixed address", options: ["-no-pie", "-fno-pie"] },
  { title: "bound at start", options: ["-pie", "-fPIE", "-Wl,-z,now"] },
  {
    title: "with code and data in one segment",
    options: ["-pie", "-fPIE", "-Wl,-z,noseparate-code"],
  },
];

const program = `
#include <stdio.h>
extern int shared;
int number(void);
__thread int local = 3;
static const char *const names[] = { "relocated", "else" };
int main(int argc, char **argv) {
  (void)argv;
  printf("%d %d %d %s\\n", number(), shared, local, names[argc - 1]);
  return 0;
}
`;
const library = `
int shared = 5;
int number(void) { return 42; }
`;
const expected = "42 5 3 relocated\n";

const directory = scratchDirectory();

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const readelf = (...args: string[]) =>
  execFileSync("readelf", ["-W", ...args], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
const warnings = (path: string) =>
  spawnSync("readelf", ["-W", "-a", path], { encoding: "utf8" }).stderr;
const all = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, found]) => found);

for (const machine of machines) {
  const { triplet, qemu } = machine;
  describe(triplet, needs(`${triplet}-gcc`, `qemu-${qemu}`, "readelf"), () => {
    const home = join(directory, triplet);
    const lib = join(home, "lib");
    const records = join(home, "records");
    const sysroot = `/usr/${triplet}`;
    const run = (path: string, environment: Record<string, string> = {}) => {
      const variables = Object.entries(environment).flatMap((pair) => ["-E", pair.join("=")]);
      const { stdout, stderr, status } = spawnSync(
        `qemu-${qemu}`,
        ["-L", sysroot, ...variables, path],
        { encoding: "utf8", timeout: patience },
      );
      return status === 0 ? stdout : `${stdout}${stderr} (status ${status})`;
    };
    const make = (output: string, source: string, ...options: string[]) =>
      compileWith(`${triplet}-gcc`, join(home, output), source, ...options);
    /** A long path to the machine's loader. */
    const loader = (original: string, length: number) => {
      const folder = join(home, "loader", "l".repeat(length));
      const path = join(folder, "ld.so");
      mkdirSync(folder, { recursive: true });
      if (!existsSync(path)) symlinkSync(join(sysroot, original), path);
      return path;
    };
    const edit = async (path: string, edits: Edits) => {
      const layout = await native.layOut(path, edits);
      expect(await native.apply([{ path, output: path, layout, inPlace: false }], records)).toEqual(
        [null],
      );
      return layout;
    };

    beforeAll(() => {
      mkdirSync(records, { recursive: true });
      make("lib/libnumber.so", library, "-shared", "-fPIC", "-Wl,-soname,libnumber.so");
    });

    it.each(builds)("a program, $title, is changed and restored", async ({ title, options }) => {
      const path = join(home, title.replaceAll(" ", "-"));
      make(basename(path), program, "lib/libnumber.so", ...options);
      const header = readelf("-h", path);
      const facts = await native.inspect(path);
      expect(facts.class).toBe(/Class:\s+(\S+)/.exec(header)?.[1]);
      expect(facts.byteOrder).toBe(
        header.includes("little endian") ? "little-endian" : "big-endian",
      );
      expect(/Machine:\s+(.*)/.exec(header)?.[1]).toBe(machine.readelf);
      expect(facts.machine).toBe(machine.name);
      expect(facts.type).toBe(
        header.includes("Type:                              EXEC") ? "executable" : "pie",
      );
      const says = async () => {
        const now = await native.inspect(path);
        const dynamic = readelf("-d", path);
        const segments = readelf("-l", path);
        expect(now.interpreter).toBe(/interpreter: (.*)\]/.exec(segments)?.[1]);
        expect(now.needed).toEqual(all(dynamic, /\(NEEDED\).*\[(.*)\]/g));
        expect(now.runpath).toBe(/\(RUNPATH\).*\[(.*)\]/.exec(dynamic)?.[1] ?? null);
        expect(now.versionsNeeded).toEqual(facts.versionsNeeded);
        return now;
      };
      await says();
      const before = sha256(path);
      const complaints = warnings(path);
      expect(run(path, { LD_LIBRARY_PATH: lib })).toBe(expected);

      const original = facts.interpreter as string;
      for (const length of [180, 60, 240]) {
        const interpreter = loader(original, length);
        const value = `/${"n".repeat(length * 4)}:${lib}`;
        const edits: Edits = { interpreter, searchPath: { value, tag: "runpath" } };
        await edit(path, edits);
        expect(await says()).toMatchObject({ interpreter, runpath: value, needed: facts.needed });
        expect(run(path)).toBe(expected);
        expect(warnings(path)).toBe(complaints);
        const again = await native.layOut(path, edits);
        expect(again.ranges).toEqual([]);
        expect(again.newSize).toBe(again.oldSize);
      }
      expect(await native.undo([path], records)).toEqual([null]);
      expect(sha256(path)).toBe(before);
    });

    it("a library is changed and restored", async () => {
      const middle = "int number(void); int middle(void) { return number(); }";
      const named = "-Wl,-soname,libmiddle.so";
      make("libmiddle.so", middle, "-shared", "-fPIC", "lib/libnumber.so", named);
      make(
        "user",
        '#include <stdio.h>\nint middle(void); int main(void) { printf("%d\\n", middle()); }',
        ...["libmiddle.so", "-Wl,--allow-shlib-undefined", `-Wl,-rpath,${home}`],
      );
      const path = join(home, "libmiddle.so");
      const before = sha256(path);
      expect(run(join(home, "user"))).toContain("status 127");
      for (const length of [40, 3000]) {
        const value = `/${"n".repeat(length)}:${lib}`;
        await edit(path, { searchPath: { value, tag: "runpath" } });
        expect(run(join(home, "user"))).toBe("42\n");
      }
      expect(await native.undo([path], records)).toEqual([null]);
      expect(sha256(path)).toBe(before);
    });
  });
}
