// Libraries for newer processors, on processors that have less: what the real loader takes and refuses there is what
// fixelf reports. qemu emulates each of the processors; this machine's own is asked as well.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Resolution, resolve } from "../lib/index.js";
import { loaderAnswer, ownAnswer } from "./resolution/answer.js";
import { machines, partsOf } from "./resolution/machines.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const emulator = "qemu-x86_64";
const [host] = machines;
if (!host) throw new Error("no machine");
const { loader } = host;

const levels = ["x86-64-v2", "x86-64-v3", "x86-64-v4"];

/** What starts programs, and fixelf's name for that processor; qemu emulates none of v4. */
interface Processor {
  starter: string[];
  level: string | null;
}
const emulated = (model: string, level: string): Processor => ({
  starter: [emulator, "-cpu", model],
  level,
});
const processors: Record<string, Processor> = {
  qemu64: emulated("qemu64", "baseline"),
  Nehalem: emulated("Nehalem", "x86-64-v2"),
  Haswell: emulated("Haswell", "x86-64-v3"),
  "this machine": { starter: [], level: null },
};

const directory = scratchDirectory();
const at = (...names: string[]) => join(directory, ...names);

const uses = "int number(void); int main(void) { return number() != 0; }";
const shared = ["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libnumber.so"];
const library = (output: string, ...options: string[]) =>
  compile(output, "int number(void) { return 0; }", ...shared, ...options);
const needing = (level: string) => `-Wl,-z,${level}`;

async function resolved(path: string, { level }: Processor): Promise<Resolution> {
  return resolve(path, level === null ? {} : { processor: level });
}

/** Without this process's LD_PRELOAD, which is not for the program. */
const env = { PATH: process.env.PATH ?? "" };

for (const [name, processor] of Object.entries(processors)) {
  const starterParts = processor.starter.slice(0, 1);
  describe(`a resolution on ${name}, of programs`, needs(...partsOf(host), ...starterParts), () => {
    /** The variables are for the program and its loader; qemu has a loader of its own. */
    const started = (path: string, ...variables: string[]) => {
      const [program = "", ...rest] =
        processor.starter.length === 0
          ? ["env", ...variables, path]
          : [...processor.starter, ...variables.flatMap((variable) => ["-E", variable]), path];
      return spawnSync(program, rest, { env, encoding: "utf8" });
    };

    /** The object at which the loader stops, or null if the program runs. */
    const refused = (path: string): string | null => {
      const { status, stdout, stderr } = started(path);
      const told = /^(\/.*): CPU ISA level is lower than required$/m.exec(`${stdout}${stderr}`);
      expect(status).toBe(told ? 127 : 0);
      return told?.[1] ?? null;
    };

    it.each(levels)("that need a library for %s", async (level) => {
      const place = at(name, level);
      library(join(place, "libnumber.so"), needing(level));
      compile(join(place, "program"), uses, join(place, "libnumber.so"), `-Wl,-rpath,${place}`);
      const { isaProblems } = await resolved(join(place, "program"), processor);
      const told = refused(join(place, "program"));
      expect(isaProblems.map(({ path }) => path)).toEqual(told === null ? [] : [told]);
    });

    it.each(levels)("that are themselves for %s", async (level) => {
      const program = at(name, level, "alone");
      compile(program, "int main(void) { return 0; }", needing(level));
      const { isaProblems } = await resolved(program, processor);
      const told = refused(program);
      expect(isaProblems.map(({ path }) => path)).toEqual(told === null ? [] : [told]);
    });

    it("with a library for each level in glibc-hwcaps", async () => {
      const place = at(name, "choice");
      library(join(place, "libnumber.so"));
      for (const level of levels)
        library(join(place, "glibc-hwcaps", level, "libnumber.so"), needing(level));
      const program = join(place, "program");
      compile(program, uses, join(place, "libnumber.so"), `-Wl,-rpath,${place}`);
      const { stdout } = started(program, "LD_TRACE_LOADED_OBJECTS=1");
      const own = await resolved(program, processor);
      expect(ownAnswer(own, [loader])).toEqual(loaderAnswer(stdout, [loader], directory));
      expect(own.isaProblems).toEqual([]);
      expect(refused(program)).toBeNull();
    });
  });
}

describe("the difference between these processors", needs(...partsOf(host), emulator), () => {
  const [least, most] = [processors.qemu64, processors.Haswell];
  if (!least || !most) throw new Error("no such processor");
  const program = at("differs", "program");

  beforeAll(() => {
    library(at("differs", "libnumber.so"), needing("x86-64-v3"));
    compile(program, uses, at("differs", "libnumber.so"), `-Wl,-rpath,${at("differs")}`);
  });

  it("is a library for x86-64-v3", async () => {
    expect((await resolved(program, least)).isaProblems).toMatchObject([
      { path: at("differs", "libnumber.so") },
    ]);
    expect((await resolved(program, most)).isaProblems).toEqual([]);
  });
});
