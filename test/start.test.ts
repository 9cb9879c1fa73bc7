// The judge compared with the kernel and the loader: programs are really started, up to their entry point, and the
// verdict has to agree. FIXELF_START=whole starts every program of this machine and 3,000 mutants, otherwise a sample
// of both; FIXELF_START_FROM gives the number at which the mutants begin.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { isStartedByLoader } from "../lib/file/kind.js";
import { type Diagnosis, diagnose } from "../lib/index.js";
import { type Mutant, mutantOf } from "./start/mutants.js";
import { makeStarter, type Started } from "./start/starter.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const isWhole = process.env.FIXELF_START === "whole";
const first = Number(process.env.FIXELF_START_FROM ?? 1);
const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

let start: (paths: readonly string[]) => Started[];
beforeAll(() => {
  start = makeStarter(directory);
});

/** No store, so that everything depends on this machine. */
async function verdictOf(path: string): Promise<Diagnosis> {
  const [diagnosis] = await diagnose([path], { store: at("no-store"), index: false });
  return diagnosis as Diagnosis;
}

function isGood({ verdict }: Diagnosis): boolean {
  return verdict === "healthy" || verdict === "static";
}

async function differencesIn(
  cases: readonly { path: string; name: string }[],
): Promise<{ name: string; how: string; said: string; summary: string; starts: boolean }[]> {
  const real = start(cases.map(({ path }) => path));
  const differences = [];
  for (const [index, { path, name }] of cases.entries()) {
    const { how, said } = real[index] as Started;
    const diagnosis = await verdictOf(path);
    const starts = how === "started";
    if (isGood(diagnosis) !== starts)
      differences.push({ name, how, said, summary: diagnosis.summary, starts });
  }
  return differences;
}

describe("programs of this machine", needs("gcc", "x86-64"), () => {
  it(
    "start as the judge says",
    async () => {
      const walked = await native.walk("/usr/bin");
      const programs = walked.elf.filter(isStartedByLoader).map(({ path }) => path);
      expect(programs.length).toBeGreaterThan(20);
      const chosen = programs.filter((_, index) => isWhole || index % 20 === 0);
      const differences = await differencesIn(chosen.map((path) => ({ path, name: path })));
      expect(differences).toEqual([]);
    },
    isWhole ? 600_000 : undefined,
  );
});

/** Cases in which the judge differs, and why. */
const reasons: { why: string; applies: (change: string, starts: boolean) => boolean }[] = [
  {
    why: "the kernel looks at no class and byte order; tools do, and without them no field can be read",
    applies: (change, starts) => starts && /^e_ident\[EI_(CLASS|DATA)\]/.test(change),
  },
  {
    why: "glibc reads names past the end that DT_STRSZ gives, and goes without it (gABI: it is mandatory)",
    applies: (change, starts) => starts && /^d_(tag|val) of entry/.test(change),
  },
  {
    why: "a PT_DYNAMIC without bytes is what objcopy --only-keep-debug leaves; glibc takes a program's all the same",
    applies: (change, starts) => starts && /^p_filesz of PT_DYNAMIC/.test(change),
  },
  {
    why: "without PT_INTERP it starts, and crashes where it calls its first library",
    applies: (change, starts) => starts && /^p_type of PT_INTERP/.test(change),
  },
  {
    why: "at a fixed address its segments begin at page 0, where only root may map (vm.mmap_min_addr)",
    applies: (change, starts) => !starts && /^e_type: 0x3 → 0x2/.test(change),
  },
  {
    why: "how far a note is read depends on what is in it",
    applies: (change, starts) => !starts && /^p_memsz of PT_NOTE/.test(change),
  },
  {
    why: "a kernel gives no more memory at once than the machine has (mm/util.c, vm.overcommit_memory), and others have more",
    applies: (change, starts) =>
      !starts && /^p_memsz of PT_LOAD/.test(change) && newValue(change) > totalmem(),
  },
  {
    why: "no loader looks at how DT_SYMTAB is aligned, but what is a byte beside the symbols are others",
    applies: (change, starts) =>
      !starts && /^d_val of entry \d+ \(tag 0x6\)/.test(change) && newValue(change) % 8 !== 0,
  },
  {
    why: "other bytes are where the code expects its own; only the code knows what they mean",
    applies: (change, starts) => !starts && /^p_offset of PT_LOAD/.test(change),
  },
  {
    why: "what is past the file's end crashes whatever touches it, and nothing here does; otherwise a download was cut off",
    applies: (change, starts) => starts && /^p_(offset|filesz) of PT_LOAD/.test(change),
  },
];

function newValue(change: string): number {
  return Number(change.slice(change.lastIndexOf(" ") + 1));
}

describe("mutants of programs", needs("gcc", "x86-64"), () => {
  const main = "extern int data; int helper(void); int main(void) { return helper() + data; }";
  let bases: Buffer[];

  beforeAll(() => {
    const library = "__thread int own = 3; int data = 4; int helper(void) { return own; }";
    const shared = ["-shared", "-fPIC", "-Wl,-soname,libhelper.so"];
    compile(at("lib/libhelper.so"), library, ...shared);
    const linked = [at("lib/libhelper.so"), `-Wl,-rpath,${at("lib")}`];
    bases = [
      compile(at("lazy"), main, ...linked, "-Wl,-z,lazy"),
      compile(at("now"), main, ...linked, "-no-pie", "-Wl,-z,now"),
    ].map((path) => readFileSync(path));
    mkdirSync(at("mutants"));
  });

  function write(number: number): Mutant & { path: string } {
    const mutant = mutantOf(bases[number % bases.length] as Buffer, number);
    const path = at(`mutants/${number}`);
    writeFileSync(path, mutant.bytes, { mode: 0o755 });
    return { ...mutant, path };
  }

  it(
    "start as the judge says, or differ for a known reason",
    async () => {
      const numbers = Array.from({ length: isWhole ? 3000 : 300 }, (_, index) => first + index);
      const cases = numbers.map((number) => {
        const { path, change } = write(number);
        return { path, name: `${number}, ${change}` };
      });
      const differences = await differencesIn(cases);
      const unexplained = differences.filter(
        ({ name, starts }) =>
          !reasons.some(({ applies }) => applies(name.slice(name.indexOf(" ") + 1), starts)),
      );
      expect(unexplained).toEqual([]);
    },
    isWhole ? 600_000 : undefined,
  );
});
