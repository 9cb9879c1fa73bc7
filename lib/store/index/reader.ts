// What the index answers: the base without what is gone, plus what has come since. Reading takes no lock, and both
// files stay as they are: a writer replaces them with new ones.
import type { Facts } from "../../addon/facts.js";
import type { StorePlace } from "../place.js";
import { IndexDamage } from "./damage.js";
import { type About, manifestName, type NamedFile, type State } from "./format.js";
import type { OwnDirectory } from "./own_directory.js";
import { Segment } from "./segment.js";

/** Each attempt was overtaken by a writer. */
const timesToTry = 100;

export class IndexReader {
  readonly state: State;
  readonly base: Segment;
  readonly manifest: Segment;
  readonly #dropped: ReadonlySet<string>;

  /** null if nothing has been written yet. @throws IndexDamage, FixelfError */
  static open(directory: OwnDirectory, place: StorePlace): IndexReader | null {
    let before: string | undefined;
    for (let time = 0; time < timesToTry; time++) {
      const manifest = segmentIn(directory, manifestName);
      if (manifest === null) return null;
      const state = manifest.about as State;
      let base: Segment | null = null;
      try {
        if (state.store !== place.store || state.root !== place.root)
          throw new IndexDamage("it is of another store");
        base = segmentIn(directory, state.base);
      } finally {
        if (base === null) manifest.close();
      }
      if (base !== null) return new IndexReader(state, base, manifest);
      // A writer replaces the manifest before it removes the base that the old manifest names.
      if (state.base === before) throw new IndexDamage(`${state.base} is missing`);
      before = state.base;
    }
    throw new IndexDamage("other processes change it too often to be read");
  }

  private constructor(state: State, base: Segment, manifest: Segment) {
    this.state = state;
    this.base = base;
    this.manifest = manifest;
    this.#dropped = new Set(state.dropped);
  }

  close(): void {
    this.base.close();
    this.manifest.close();
  }

  /** Bytes. */
  get size(): number {
    return this.base.size + this.manifest.size;
  }

  /** Whether everything is in the base. */
  get isWhole(): boolean {
    return this.state.recent.length === 0 && this.state.dropped.length === 0;
  }

  /** The store paths in the base, as `listing.ts` compares them. @throws IndexDamage */
  known(): Buffer {
    return this.base.block((this.base.about as About).known);
  }

  /** The facts of a file with a library's name; undefined if it is not recorded. @throws IndexDamage */
  facts(storePath: string, path: string): Facts | null | undefined {
    const name = path.slice(path.lastIndexOf("/") + 1);
    for (const [segment, , files] of this.#entries(name, storePath)) {
      const file = files.find(([, real]) => real === path);
      if (file !== undefined) return segment.named(file)[2];
    }
    return undefined;
  }

  /** Store path → its files with that name. @throws IndexDamage */
  named(name: string): Map<string, NamedFile[]> {
    const found = new Map<string, NamedFile[]>();
    for (const [segment, storePath, files] of this.#entries(name))
      found.set(
        storePath,
        files.map((file) => segment.named(file)),
      );
    return found;
  }

  /** The names that begin with the given text. @throws IndexDamage */
  names(beginning: string): Set<string> {
    const names = new Set<string>();
    for (const segment of [this.base, this.manifest]) {
      for (const [name, storePath] of segment.allEntries(beginning))
        if (this.#has(segment, storePath)) names.add(name);
    }
    return names;
  }

  /** The facts of every ELF file, once each. @throws IndexDamage */
  *allFacts(): Generator<Facts> {
    for (const segment of [this.base, this.manifest]) {
      const seen = new Set<number>();
      for (const [, storePath, files] of segment.allEntries()) {
        if (!this.#has(segment, storePath)) continue;
        for (const file of files) {
          const [, , offset] = file;
          if (offset === undefined || seen.has(offset)) continue;
          seen.add(offset);
          const facts = segment.named(file)[2];
          if (facts) yield facts;
        }
      }
    }
  }

  *#entries(name: string, only?: string) {
    for (const segment of [this.base, this.manifest]) {
      for (const [, storePath, files] of segment.entries(name)) {
        if (only !== undefined && storePath !== only) continue;
        if (this.#has(segment, storePath)) yield [segment, storePath, files] as const;
      }
    }
  }

  #has(segment: Segment, storePath: string): boolean {
    return segment === this.manifest || !this.#dropped.has(storePath);
  }
}

function segmentIn(directory: OwnDirectory, name: string): Segment | null {
  const file = directory.open(name);
  if (file === null) return null;
  try {
    return new Segment(file);
  } catch (failure) {
    file.close();
    throw failure;
  }
}
