// Any sequence of edits: after the second the file never grows for values of the same length, the
// program runs throughout, and undo restores the first bytes.
//
// FIXELF_MATRIX_RUNS sets how many sequences are tried, FIXELF_MATRIX_SEED which.
import { mkdtempSync } from "node:fs";
import { mkdir, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { native } from "../../lib/addon/native.js";
import type { Edits } from "../../lib/addon/requests.js";
import { needs } from "../support/needs.js";
import { seedFrom } from "../support/seed.js";
import { type Bench, benchOf, digest, placeLoader } from "./bench.js";
import { build } from "./build.js";
import { core, type Door, namedDoor, patchelf } from "./doors.js";
import { noRenaming, origin } from "./edits.js";
import { output } from "./judge.js";
import { everything, sample } from "./sample.js";
import { tools } from "./tools.js";

const numRuns = Number(process.env.FIXELF_MATRIX_RUNS ?? 12);
const seed = seedFrom("FIXELF_MATRIX_SEED");

/** What one edit of a sequence changes; each value keeps its length throughout the sequence. */
const kinds = [
  "interpreter",
  "search path",
  "no search path",
  "needed",
  "soname",
  "stack",
  "OS ABI",
  "cache",
  "symbol",
] as const;
type Kind = (typeof kinds)[number];

interface Lengths {
  interpreter: number;
  searchPath: number;
  needed: number;
  soname: number;
  cache: number;
  symbol: number;
}

/** Letters that are always the same for a number. */
const letters = (length: number, salt: number) =>
  Array.from({ length }, (_, index) =>
    String.fromCharCode(97 + ((Math.imul(salt + 1, index + 7) >>> 3) % 26)),
  ).join("");

/** A bench under a sequence of edits, with its current names. */
class Sequence {
  private needed: string | null = null;
  private symbol = "number";

  constructor(
    readonly bench: Bench,
    private readonly door: Door,
    private readonly lengths: Lengths,
    private readonly records: string,
  ) {}

  async apply(wanted: readonly Kind[], salt: number): Promise<number> {
    const { bench, door, lengths } = this;
    const edits: Edits = {};
    if (wanted.includes("interpreter") && bench.cell.kind !== "shared") {
      edits.interpreter = join(bench.directory, letters(lengths.interpreter, salt));
      await rm(edits.interpreter, { force: true });
      await placeLoader(bench, edits.interpreter);
    }
    if (wanted.includes("no search path")) edits.searchPath = { value: "", tag: "runpath" };
    else if (wanted.includes("search path"))
      edits.searchPath = {
        value: `/${letters(lengths.searchPath, salt)}:${origin(bench.cell)}`,
        tag: salt % 2 === 0 ? "runpath" : "rpath",
      };
    if (wanted.includes("needed")) {
      const name = `${letters(lengths.needed, salt)}.so`;
      const file = join(bench.directory, "lib", name);
      await rm(file, { force: true });
      await symlink("libextra.so.1", file);
      if (this.needed === null) edits.addNeeded = [name];
      else if (salt % 3 === 0)
        Object.assign(edits, { removeNeeded: [this.needed], addNeeded: [name] });
      else edits.replaceNeeded = [{ from: this.needed, to: name }];
      this.needed = name;
    }
    if (wanted.includes("soname") && bench.cell.kind !== "non-PIE")
      edits.soname = letters(lengths.soname, salt);
    if (wanted.includes("stack")) edits.executableStack = salt % 2 === 0;
    if (wanted.includes("OS ABI")) edits.osAbi = salt % 2 === 0 ? 3 : 0;
    const resolutionCache = new TextEncoder().encode(letters(lengths.cache, salt));
    if (wanted.includes("cache") && door.takes({ resolutionCache }))
      edits.resolutionCache = resolutionCache;
    if (wanted.includes("symbol") && noRenaming(bench.cell) === null) {
      const to = `s_${letters(lengths.symbol, salt)}`;
      if (to !== this.symbol) {
        edits.renameSymbols = [{ from: this.symbol, to }];
        await door.change(
          join(bench.directory, "lib/libnumber.so.1"),
          { renameSymbols: edits.renameSymbols },
          this.records,
        );
        this.symbol = to;
      }
    }
    await door.change(bench.subject, edits, this.records);
    return (await stat(bench.subject)).size;
  }

  /** LD_LIBRARY_PATH helps while there is no search path. */
  output(): Promise<string> {
    return output(this.bench, { LD_LIBRARY_PATH: join(this.bench.directory, "lib") });
  }
}

const mipsLengths: Lengths = {
  interpreter: 195,
  searchPath: 205,
  needed: 38,
  soname: 73,
  cache: 388,
  symbol: 41,
};

const all = kinds.filter((kind) => kind !== "no search path");

describe("any sequence of edits", needs(...tools), () => {
  const home = mkdtempSync(join(tmpdir(), "fixelf-matrix-sequences-"));
  afterAll(() => rm(home, { recursive: true }));
  const tasks = process.env.FIXELF_MATRIX === "sample" ? sample() : everything();
  const members = tasks.map(({ cell }) => cell).filter(({ kind }) => kind !== "static-PIE");
  // Its Bloom filter was once moved to where a word may not be read.
  const mips = members.find(({ machine, hash }) => machine === "mips64el" && hash === "both");
  const step = fc.record({
    kinds: fc.subarray([...kinds], { minLength: 1 }),
    salt: fc.nat(1000),
    runs: fc.boolean(),
  });

  // A third as many through the second.
  const ways = namedDoor() === null ? [core, patchelf] : [namedDoor() as Door];
  const runsBy = (door: Door) => (door === ways[0] ? numRuns : Math.ceil(numRuns / 3));

  it.each(ways)(`${numRuns} of them or a third, by $name (seed ${seed})`, async (door) => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...members),
        fc.record<Lengths>({
          interpreter: fc.integer({ min: 1, max: 200 }),
          searchPath: fc.integer({ min: 1, max: 3000 }),
          needed: fc.integer({ min: 8, max: 100 }),
          soname: fc.integer({ min: 8, max: 100 }),
          cache: fc.integer({ min: 1, max: 500 }),
          symbol: fc.integer({ min: 4, max: 60 }),
        }),
        fc.array(step, { maxLength: 98 }),
        async (cell, lengths, steps) => {
          const built = await build(cell);
          const bench = await benchOf(built, join(home, `${door.name}-${count++}`));
          const records = join(bench.directory, "records");
          await mkdir(records);
          const first = await digest(bench.subject);
          const sequence = new Sequence(bench, door, lengths, records);
          await sequence.apply(all, 2001);
          const most = await sequence.apply(all, 2003);
          for (const [index, { kinds, salt, runs }] of steps.entries()) {
            expect(
              await sequence.apply(kinds, salt),
              `size after edit ${index + 3}`,
            ).toBeLessThanOrEqual(most);
            if (runs && index % 20 === 19)
              expect(await sequence.output()).toBe(`extra\n${built.output}`);
          }
          expect(await sequence.output()).toBe(`extra\n${built.output}`);
          if (door.keepsRecords) {
            expect(await native.undo([bench.subject], records)).toEqual([null]);
            expect(await digest(bench.subject)).toBe(first);
          }
          await rm(bench.directory, { recursive: true });
        },
      ),
      {
        numRuns: runsBy(door),
        seed,
        examples: mips === undefined ? [] : [[mips, mipsLengths, []]],
        endOnFailure: process.env.CI !== undefined,
      },
    );
  });
});
