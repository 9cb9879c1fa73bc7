// What a whole tree consists of, on one page.
import { checkCount, checkIterable, checkMade, checkText } from "../base/arguments.js";
import { compareVersions } from "../file/versions.js";
import type { ScanBatch } from "./batch.js";
import { BrokenFinder } from "./broken.js";
import { neededVersions, releaseOf } from "./needed_versions.js";

/** A value, and how many files have it. */
export interface Count {
  /** The value. */
  name: string;
  /** How many files have it. */
  count: number;
}

/** What a scan has found, in numbers. */
export interface ScanSummary {
  /** Regular files seen, ELF or not. */
  files: number;
  /** How many of them are ELF. */
  elf: number;
  /** How many files and directories could not be read. */
  failures: number;
  /** The total size of the ELF files, in bytes. */
  bytes: number;
  /** By `Facts.type`, the most frequent first. */
  types: Count[];
  /** By machine, the most frequent first. */
  machines: Count[];
  /** By interpreter, the most frequent first, and whether it is `there`. */
  interpreters: (Count & { there: boolean })[];
  /** By the newest GLIBC_x that a file needs, the newest first. */
  glibcNeeds: Count[];
  /** Directories in RPATH and RUNPATH that do not exist, with how many files name them. */
  brokenSearchPaths: Count[];
  /** Programs and libraries that request an executable stack: their `count`, and some `examples`. */
  executableStacks: { count: number; examples: string[] };
  /**
   * Programs and libraries with a dynamic table but without PT_GNU_RELRO: their `count`, and some `examples`.
   */
  missingRelro: { count: number; examples: string[] };
  /** The largest files: their `path`, and their `size` in bytes. */
  largest: { path: string; size: number }[];
}

const examplesKept = 10;
const largestKept = 10;

/** Adds up batches; holds names and counts, never rows. */
export class Summarizer {
  readonly #types = new Map<string, number>();
  readonly #machines = new Map<string, number>();
  readonly #interpreters = new Map<string, number>();
  readonly #lost = new Set<string>();
  readonly #glibc = new Map<string, number>();
  readonly #dead = new Map<string, number>();
  readonly #stacks = { count: 0, examples: [] as string[] };
  readonly #relro = { count: 0, examples: [] as string[] };
  readonly #finder: BrokenFinder;
  #largest: ScanSummary["largest"] = [];
  #elf = 0;
  #bytes = 0;

  /**
   * `root` is another system's root, against which the files' paths are looked up.
   * @throws FixelfError `usage` if it is not a string
   */
  constructor(root?: string) {
    if (root !== undefined) checkText("Summarizer", "the root", root);
    this.#finder = new BrokenFinder(root);
  }

  /**
   * Adds some rows of a batch.
   * @throws FixelfError `usage` if it is not a batch, or a row is not one of its rows
   */
  add(batch: ScanBatch, rows: Iterable<number>): void {
    checkMade("Summarizer", "the batch", "scan()", batch, { length: "number", columns: "list" });
    checkIterable("Summarizer", "the rows", rows);
    for (const row of rows) this.#addRow(batch, row);
  }

  /**
   * `files` and `failures` are what the scan counted.
   * @throws FixelfError `usage` if they are not counts
   */
  summary(files: number, failures: number): ScanSummary {
    checkCount("files", files, 0, Number.MAX_SAFE_INTEGER);
    checkCount("failures", failures, 0, Number.MAX_SAFE_INTEGER);
    return {
      files,
      elf: this.#elf,
      failures,
      bytes: this.#bytes,
      types: sorted(this.#types),
      machines: sorted(this.#machines),
      interpreters: sorted(this.#interpreters).map((count) => ({
        ...count,
        there: !this.#lost.has(count.name),
      })),
      glibcNeeds: sorted(this.#glibc).sort((one, other) => compareVersions(other.name, one.name)),
      brokenSearchPaths: sorted(this.#dead),
      executableStacks: this.#stacks,
      missingRelro: this.#relro,
      largest: this.#sortedLargest().slice(0, largestKept),
    };
  }

  #addRow(batch: ScanBatch, row: number): void {
    const at = <T>(name: string) => batch.value(name, row) as T;
    const path = at<string>("path");
    const type = at<string>("type");
    const size = Number(at("size"));
    this.#elf++;
    this.#bytes += size;
    increment(this.#types, type);
    increment(this.#machines, at("machine"));
    const interpreter = at<string | null>("interpreter");
    if (interpreter !== null) {
      increment(this.#interpreters, interpreter);
      if (this.#finder.lacksInterpreter(batch, row)) this.#lost.add(interpreter);
    }
    const newest = neededVersions(batch, row)
      .map(releaseOf)
      .filter((name) => /^GLIBC_\d/.test(name))
      .map((name) => name.slice("GLIBC_".length))
      .reduce<string | null>(
        (best, version) => (compareVersions(version, best) > 0 ? version : best),
        null,
      );
    if (newest !== null) increment(this.#glibc, newest);
    for (const directory of this.#finder.deadDirectories(batch, row))
      increment(this.#dead, directory);
    if (at("executableStack") === true) note(this.#stacks, path);
    if (at("relro") === "none" && at("dynamicTable") === "present") note(this.#relro, path);
    this.#keepLargest(path, size);
  }

  #keepLargest(path: string, size: number): void {
    this.#largest.push({ path, size });
    if (this.#largest.length < 100 * largestKept) return;
    this.#largest = this.#sortedLargest().slice(0, largestKept);
  }

  #sortedLargest() {
    return this.#largest.sort(
      (one, other) => other.size - one.size || (one.path < other.path ? -1 : 1),
    );
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function note(kept: { count: number; examples: string[] }, path: string): void {
  kept.count++;
  if (kept.examples.length < examplesKept) kept.examples.push(path);
}

function sorted(counts: ReadonlyMap<string, number>): Count[] {
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1));
}
