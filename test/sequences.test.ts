// A program edited by several tools: fixelf, patchelf and strip, in any order. It runs after every step of fixelf, and
// as long as only fixelf and strip are involved, after every strip that it survives without fixelf.
//
// FIXELF_SEQUENCES sets how many sequences are tried, FIXELF_SEQUENCES_SEED which. `npm run test:sequences` tries 500,
// and also patchelf 0.18, which it fetches.
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import type { Edits } from "../lib/addon/requests.js";
import { product, usual, whyImpossible } from "./matrix/axes.js";
import { type Bench, benchOf, change, placeLoader } from "./matrix/bench.js";
import { build } from "./matrix/build.js";
import { origin } from "./matrix/edits.js";
import { output } from "./matrix/judge.js";
import { ask } from "./matrix/process.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { seedFrom } from "./support/seed.js";

const few = 6;
const numRuns = Number(process.env.FIXELF_SEQUENCES ?? few);
const seed = seedFrom("FIXELF_SEQUENCES_SEED");

const only = { compiler: [usual.compiler], machine: [usual.machine] };
const cells = product({
  ...only,
  linker: ["bfd", "gold", "lld", "mold"],
  kind: ["PIE", "non-PIE", "shared"],
  relro: ["relro", "none"],
  page: ["4/4", "64/4"],
  hash: ["gnu"],
  state: ["plain"],
}).filter((cell) => whyImpossible(cell) === null);

/** What an edit sets, by its length; the shorter of two fits where the longer one was. */
const values = ["interpreter", "search path", "needed", "soname", "resolution cache"] as const;
type Value = (typeof values)[number];

const strips: Record<string, string[]> = {
  "GNU strip": ["strip"],
  "GNU strip --strip-debug": ["strip", "--strip-debug"],
  "LLVM strip": ["llvm-strip"],
  "elfutils strip": ["eu-strip"],
};

/** The edit for fixelf, and the options for patchelf; null if these versions cannot do it. */
interface Setting {
  edits: Edits;
  options: string[] | null;
}

const letters = (length: number) => "abcdefghijklmnopqrstuvwxyz".repeat(200).slice(0, length);

async function setting(bench: Bench, value: Value, length: number): Promise<Setting> {
  switch (value) {
    case "interpreter": {
      // No name is longer than 255 bytes, and no path longer than 4,096.
      const folders = letters(Math.min(length, 3000)).replace(/(.{200})./g, "$1/");
      const interpreter = join(bench.directory, "loaders", folders, "ld.so");
      if (!existsSync(interpreter)) await placeLoader(bench, interpreter);
      return { edits: { interpreter }, options: ["--set-interpreter", interpreter] };
    }
    case "search path": {
      const path = `/${letters(length)}:${origin(bench.cell)}`;
      return {
        edits: { searchPath: { value: path, tag: "runpath" } },
        options: ["--set-rpath", path],
      };
    }
    case "needed": {
      const name = `${letters(Math.min(length, 200))}.so`;
      const file = join(bench.directory, "lib", name);
      await rm(file, { force: true });
      await symlink("libspare.so.1", file);
      return { edits: { addNeeded: [name] }, options: ["--add-needed", name] };
    }
    case "resolution cache":
      // Debian's loader does not read it.
      return {
        edits: { resolutionCache: new TextEncoder().encode(`${letters(length)}\0\0`) },
        options: null,
      };
    case "soname":
      return { edits: { soname: letters(length) }, options: ["--set-soname", letters(length)] };
  }
}

/** What each kind of file has, in which patchelf and fixelf agree. */
const applies = (value: Value, { kind }: Bench["cell"]) =>
  value === "interpreter" ? kind !== "shared" : value !== "soname" || kind === "shared";

interface Step {
  /** "fixelf", the name of a strip, or of a patchelf. */
  by: string;
  value: Value;
  length: number;
}

/** How often tools broke the program or refused the file, and fixelf what others had left. */
interface Tally {
  steps: number;
  refusals: Map<string, number>;
  broken: Map<string, number>;
}

const count = (map: Map<string, number>, name: string) => map.set(name, (map.get(name) ?? 0) + 1);

class Sequence {
  /** The file has only been edited by fixelf and strips. */
  private isOurs = true;
  private readonly kept: string;
  /** The same strips without fixelf's edits: what a tool breaks here is its own fault. */
  private readonly control: string;

  constructor(
    private readonly bench: Bench,
    private readonly expected: string,
    private readonly records: string,
    private readonly patchelfs: ReadonlyMap<string, string[]>,
    private readonly tally: Tally,
  ) {
    this.kept = join(bench.directory, "kept");
    this.control = join(bench.directory, "control");
  }

  async begin() {
    await copyFile(this.bench.subject, this.control);
  }

  async take({ by, value, length }: Step) {
    if (!applies(value, this.bench.cell) && !(by in strips)) return;
    this.tally.steps++;
    if (by === "fixelf") await this.edit(await setting(this.bench, value, length));
    else if (by in strips) await this.foreign(by, strips[by] as string[]);
    else {
      const { options } = await setting(this.bench, value, length);
      if (options === null) return;
      await this.foreign(by, [...(this.patchelfs.get(by) as string[]), ...options]);
    }
  }

  private runs = async () => (await output(this.bench, {})) === this.expected;

  private async edit({ edits }: Setting) {
    try {
      await change(this.bench.subject, edits, this.records);
    } catch (failure) {
      const { code, message } = failure as Error & { code?: string };
      // What another tool has left may be impossible to edit; then nothing has changed.
      if (this.isOurs || !["unsupported", "malformed", "truncated"].includes(code as string))
        throw failure;
      count(this.tally.refusals, message);
    }
    expect(await output(this.bench, {})).toBe(this.expected);
  }

  /** It is undone if it breaks the program, which may be the tool's own fault. */
  private async foreign(name: string, [command, ...args]: string[]) {
    const { subject } = this.bench;
    await copyFile(subject, this.kept);
    const answer = await ask(command as string, [...args, subject]);
    if (answer.status === 0 && (await this.runs())) {
      if (name in strips) await ask(command as string, [...args, this.control]);
      else this.isOurs = false;
      return;
    }
    const says = `${answer.status} ${answer.stderr}`.trim();
    await rm(subject);
    if (this.isOurs && (await this.isFineByItself(command as string, args))) {
      // A patchelf that refuses the file has not changed it.
      if (name in strips || answer.status === 0)
        throw new Error(`${name} breaks what fixelf has edited: ${says}`);
      count(this.tally.broken, `${name} of fixelf's`);
    } else count(this.tally.broken, name);
    await rm(subject, { force: true });
    await copyFile(this.kept, subject);
  }

  /** The same step on the file without fixelf's edits. */
  private async isFineByItself(command: string, args: string[]): Promise<boolean> {
    const { subject } = this.bench;
    await copyFile(this.control, subject);
    const { status } = await ask(command, [...args, subject]);
    return status === 0 && this.runs();
  }
}

/** The machine's own patchelf, and for the long run also Debian trixie's. */
async function patchelfsHere(): Promise<Map<string, string[]>> {
  if (numRuns <= few) return new Map([["patchelf", ["patchelf"]]]);
  const peers: Peers = await import(new URL("../benchmarks/peers.mjs", import.meta.url).href);
  expect(peers.missingPeers()).toEqual([]);
  return new Map(peers.patchelfs.map(({ name, command }) => [name, command]));
}

interface Peers {
  missingPeers(): string[];
  patchelfs: { name: string; command: string[] }[];
}

const parts = [
  "x86_64-linux-gnu-gcc",
  "x86-64",
  "ld.gold",
  "ld.lld",
  "ld.mold",
  "strip",
  "llvm-strip",
  "eu-strip",
];

const main = "int main(void) { return 0; }";
const long = { searchPath: { value: letters(5000), tag: "runpath" } } as const;

describe("the program header table", needs("gcc", "strip", "x86-64"), () => {
  // GNU strip takes a table that has moved to be part of the segment in which it lies, and breaks the program.
  it("grows over the former place of the interpreter's path", async () => {
    const directory = scratchDirectory();
    const program = compile(join(directory, "program"), main);
    const before = await native.inspect(program);
    const interpreter = join(directory, "a".repeat(200), "ld.so");
    await mkdir(dirname(interpreter));
    await symlink(before.interpreter as string, interpreter);
    const reasons: string[] = [];
    // The first fits behind what the segment has, the second does not.
    for (const edits of [
      { interpreter },
      { searchPath: { value: letters(5000), tag: "runpath" } },
    ]) {
      const layout = await change(program, edits as Edits, directory);
      reasons.push(...layout.reasons);
    }
    expect(reasons.join("\n")).toContain("the program header table grows over the place of");
    expect(reasons.join("\n")).not.toContain("the program header table moves");
    for (let times = 0; times < 2; times++) {
      expect(await ask("strip", [program])).toMatchObject({ status: 0, stderr: "" });
      expect((await ask(program, [])).status).toBe(0);
    }
  });
});

/** Puts the section headers into the place in `.interp` that the interpreter's path leaves. */
async function putSectionsBehindInterpreter(program: string) {
  const bytes = await readFile(program);
  const headers = Array.from(
    { length: bytes.readUInt16LE(56) },
    (_, index) => Number(bytes.readBigUInt64LE(32)) + 56 * index,
  );
  const interpreter = headers.find((at) => bytes.readUInt32LE(at) === 3) as number;
  const start = Number(bytes.readBigUInt64LE(interpreter + 8));
  const length = bytes.indexOf(0, start) + 1 - start;
  for (const field of [32, 40]) bytes.writeBigUInt64LE(BigInt(length), interpreter + field);
  const sections = Number(bytes.readBigUInt64LE(40));
  const table = Buffer.from(bytes.subarray(sections, sections + 64 * bytes.readUInt16LE(60)));
  for (let at = 0; at < table.length; at += 64)
    if (Number(table.readBigUInt64LE(at + 24)) === start)
      table.writeBigUInt64LE(BigInt(length), at + 32);
  const behind = Math.ceil((start + length) / 8) * 8;
  bytes.writeBigUInt64LE(BigInt(behind), 40);
  bytes.set(table, behind);
  await writeFile(program, bytes.subarray(0, sections));
}

// Go's linker puts them after the program headers, and the first one is all zeros.
describe("section headers", needs("gcc", "readelf", "strip", "x86-64"), () => {
  it.each(["-no-pie", "-pie"])("make way for the program headers (%s)", async (kind) => {
    const directory = scratchDirectory();
    const slot = '__asm__(".section .interp,\\"a\\"\\n.zero 4000\\n.previous");';
    const program = compile(join(directory, "program"), slot + main, kind);
    await putSectionsBehindInterpreter(program);
    const sections = async () => {
      const { stdout, stderr } = await ask("readelf", ["-SW", program]);
      expect(stderr).toBe("");
      return [...stdout.matchAll(/^ +\[ *\d+\] (\S+)/gm)].map(([, name]) => name);
    };
    const before = await sections();
    const { reasons } = await change(program, long, directory);
    expect(reasons).toContain("the section header table moves to the end of the file");
    expect(reasons.join()).not.toContain("the program header table moves");
    expect(await sections()).toEqual(before);
    expect(await ask(program, [])).toMatchObject({ status: 0 });
    const grown = (await readFile(program)).length;
    await change(program, { searchPath: { value: letters(4990), tag: "runpath" } }, directory);
    expect((await readFile(program)).length).toBe(grown);
    expect(await sections()).toEqual(before);
    expect(await ask("strip", [program])).toMatchObject({ status: 0, stderr: "" });
    expect(await ask(program, [])).toMatchObject({ status: 0 });
  });
});

describe("patchelf", needs("gcc", "ld.gold", "patchelf", "readelf", "x86-64"), () => {
  it("finds room when it adds program headers to a library that has been edited", async () => {
    const directory = scratchDirectory();
    const library = compile(
      join(directory, "libone.so"),
      "int one(void) { return 1; }",
      ...["-shared", "-fPIC"],
    );
    const uses = "int one(void); int main(void) { return one() - 1; }";
    const program = compile(join(directory, "program"), uses, library);
    await change(library, { ...long, soname: "one" }, directory);
    for (const name of ["libm.so.6", "libdl.so.2"])
      expect(await ask("patchelf", ["--add-needed", name, library])).toMatchObject({ status: 0 });
    expect(await ask(program, [])).toMatchObject({ status: 0 });
  });

  // patchelf put it into the read-only segment, where it finds no room in an unedited file.
  it("leaves the dynamic table of a position-dependent program writable", async () => {
    const directory = scratchDirectory();
    const program = compile(join(directory, "program"), main, "-no-pie");
    for (const length of [20, 3000]) {
      await change(program, { searchPath: { value: letters(length), tag: "runpath" } }, directory);
      const edited = `${program}-${length}`;
      await copyFile(program, edited);
      expect(await ask("patchelf", ["--add-needed", "libm.so.6", edited])).toMatchObject({
        status: 0,
      });
      expect(await ask(edited, [])).toMatchObject({ status: 0 });
    }
  });

  // On AArch64 the kernel starts no program whose property note is damaged.
  it.each(["bfd", "gold"])(
    "leaves the notes after an interpreter's path that moved (%s)",
    async (linker) => {
      const directory = scratchDirectory();
      const program = compile(join(directory, "program"), main, "-pie", `-fuse-ld=${linker}`);
      const before = await native.inspect(program);
      const interpreter = `/./././././.${before.interpreter}`;
      const { oldSize, newSize } = await change(program, { interpreter }, directory);
      expect(newSize).toBe(oldSize);
      const { notes } = await native.inspect(program);
      expect(notes).toEqual(before.notes);
      for (const path of ["/one", "/another"])
        expect(await ask("patchelf", ["--set-rpath", path, program])).toMatchObject({ status: 0 });
      const after = await native.inspect(program);
      expect(after.notes).toEqual(notes);
      expect((await ask("readelf", ["-n", program])).stderr).toBe("");
      expect(await ask(program, [])).toMatchObject({ status: 0 });
    },
  );
});

// GNU strip leaves PT_INTERP behind a segment that patchelf 0.18 has made, in its last page.
it(
  "a segment stays if another one is in its last page",
  needs("gcc", "ld.lld", "x86-64"),
  async () => {
    const directory = scratchDirectory();
    const program = compile(join(directory, "program"), main, "-fuse-ld=lld", "-no-pie");
    const interpreter = join(directory, "a".repeat(200), "ld.so");
    await mkdir(dirname(interpreter));
    await symlink((await native.inspect(program)).interpreter as string, interpreter);
    await change(program, { interpreter, ...long }, directory);
    const bytes = await readFile(program);
    const headersOf = (file: Buffer) =>
      Array.from({ length: file.readUInt16LE(56) }, (_, index) =>
        file.subarray(Number(file.readBigUInt64LE(32)) + index * 56),
      );
    const headers = headersOf(bytes);
    const place = (header: Buffer) => header.readBigUInt64LE(8);
    const path = headers.find((header) => header.readUInt32LE() === 3) as Buffer;
    const load = headers.findLast(
      (header) => header.readUInt32LE() === 1 && place(header) <= place(path),
    ) as Buffer;
    for (const size of [32, 40]) load.writeBigUInt64LE(place(path) - place(load), size);
    // The section headers are put at the end, so that the segment cannot grow.
    const sections = Number(bytes.readBigUInt64LE(40));
    const table = Buffer.from(bytes.subarray(sections, sections + 64 * bytes.readUInt16LE(60)));
    bytes.writeBigUInt64LE(BigInt(bytes.length), 40);
    await writeFile(program, Buffer.concat([bytes, table]));
    expect(await ask(program, [])).toMatchObject({ status: 0 });
    await change(program, { searchPath: { value: letters(5200), tag: "runpath" } }, directory);
    const after = headersOf(await readFile(program)).filter((each) => each.readUInt32LE() === 1);
    expect(after.map(place)).toContain(place(load));
    expect(await ask(program, [])).toMatchObject({ status: 0 });
  },
);

describe("elfutils strip", needs("gcc", "eu-strip"), () => {
  // It ended the file before the segment did, and all tools take such a file to be cut off.
  it("keeps all of an area that has become shorter", async () => {
    const directory = scratchDirectory();
    const program = compile(join(directory, "program"), main, "-g");
    const resolutionCache = new TextEncoder().encode(`libc.so.6\0=/${letters(5000)}\0\0`);
    await change(program, { resolutionCache, ...long }, directory);
    // The cache is dropped, since it is no longer true.
    await change(program, { searchPath: { value: "/short", tag: "runpath" } }, directory);
    expect(await ask("eu-strip", [program])).toMatchObject({ status: 0, stderr: "" });
    await change(program, long, directory);
    expect((await native.inspect(program)).runpath).toBe(long.searchPath.value);
    expect(await ask(program, [])).toMatchObject({ status: 0 });
  });
});

it("a resolution cache goes into an area followed by section names", needs("gcc"), async () => {
  const directory = scratchDirectory();
  const program = compile(join(directory, "program"), main, "-no-pie");
  await change(program, long, directory);
  const places = `=/${letters(500)}`;
  for (const each of ["=/short", places]) {
    const resolutionCache = new TextEncoder().encode(`libc.so.6\0${each}\0\0`);
    const { reasons } = await change(program, { resolutionCache }, directory);
    expect(reasons.join()).not.toContain("the program header table moves");
  }
  const { notes } = await native.inspect(program);
  expect(notes.resolutionCache).toEqual([{ soname: "libc.so.6", places }]);
  expect(await ask(program, [])).toMatchObject({ status: 0 });
});

describe("edits between those of other tools", needs(...parts, "patchelf"), () => {
  const home = scratchDirectory();
  const tally: Tally = { steps: 0, refusals: new Map(), broken: new Map() };
  afterAll(() => {
    if (numRuns > few) console.log(tally);
  });

  it(`${numRuns} sequences (seed ${seed})`, async () => {
    const patchelfs = await patchelfsHere();
    const step = fc.record<Step>({
      by: fc.oneof(
        { weight: 3, arbitrary: fc.constant("fixelf") },
        { weight: 2, arbitrary: fc.constantFrom(...Object.keys(strips)) },
        { weight: 1, arbitrary: fc.constantFrom(...patchelfs.keys()) },
      ),
      value: fc.constantFrom(...values),
      length: fc.oneof(fc.integer({ min: 1, max: 250 }), fc.integer({ min: 250, max: 5000 })),
    });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...cells),
        fc.array(step, { minLength: 4, maxLength: 14 }),
        async (cell, steps) => {
          const built = await build(cell);
          const bench = await benchOf(built, join(home, String(runs++)));
          const records = join(bench.directory, "records");
          await mkdir(records);
          const sequence = new Sequence(bench, built.output, records, patchelfs, tally);
          await sequence.begin();
          for (const each of steps) await sequence.take(each);
          await rm(bench.directory, { recursive: true });
        },
      ),
      { numRuns, seed, endOnFailure: process.env.CI !== undefined },
    );
  });
});
