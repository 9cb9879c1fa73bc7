// Libraries and their facts, from the index. Answers are the same as from listing and reading the store: what the index
// cannot know (where a link out of its store path leads) is looked up.
import type { Facts } from "../addon/facts.js";
import type { NativeLibraries } from "../addon/native.js";
import type { NamedFile, StorePathContent } from "./index/format.js";
import type { IndexReader } from "./index/reader.js";
import type { FreshIndex } from "./index/refresh.js";
import type { Inspected, Inspector } from "./inspector.js";
import type { Libraries } from "./libraries.js";
import { realPathIn, type StorePlace, storePathOf } from "./place.js";

type LibraryFile = NativeLibraries["libraries"][number];

/** One store, through its index. */
export class IndexedStore implements Libraries, Inspector {
  readonly #place: StorePlace;
  readonly #reader: IndexReader;
  readonly #beside: ReadonlyMap<string, StorePathContent>;
  /** Whether the store's own path has no symbolic links, so that there are none above what is in it. */
  readonly #isReal: boolean;
  /** Reads what the index lacks; created for the first such file. */
  #others: Promise<Inspector> | undefined;
  readonly #realPaths = new Map<string, string>();
  readonly #facts = new Map<string, Facts | null>();
  #failures = 0;

  static async of(index: FreshIndex, place: StorePlace): Promise<IndexedStore> {
    return new IndexedStore(index, place, (await realPathIn(place.store, place)) === place.store);
  }

  private constructor({ reader, beside }: FreshIndex, place: StorePlace, isReal: boolean) {
    this.#place = place;
    this.#reader = reader;
    this.#beside = new Map(beside.map((content) => [content.name, content]));
    this.#isReal = isReal;
  }

  get failures(): number {
    return this.#failures;
  }

  paths(name: string): readonly string[] {
    const paths: string[] = [];
    const take = (storePath: string, [below, real, facts]: NamedFile) => {
      const top = `${this.#place.store}/${storePath}`;
      const path = `${top}/${below}`;
      paths.push(path);
      if (real === null || !this.#isReal) return;
      const realPath = `${top}/${real}`;
      this.#realPaths.set(path, realPath);
      if (facts !== undefined && !this.#facts.has(realPath))
        this.#facts.set(realPath, facts && { ...facts, path: realPath });
    };
    for (const [storePath, files] of this.#reader.named(name)) {
      if (!this.#beside.has(storePath)) for (const file of files) take(storePath, file);
    }
    for (const [storePath, file] of this.#librariesBeside()) {
      if (file.name === name) take(storePath, [file.path, file.real]);
    }
    return paths.sort();
  }

  names(beginning: string): string[] {
    const beside = this.#librariesBeside()
      .map(([, { name }]) => name)
      .filter((name) => name.startsWith(beginning));
    return [...new Set([...this.#reader.names(beginning), ...beside])];
  }

  async inspect(path: string): Promise<Inspected | null> {
    const realPath = this.#realPaths.get(path) ?? (await realPathIn(path, this.#place));
    if (realPath === null) {
      this.#failures++;
      return null;
    }
    let facts = this.#facts.get(realPath);
    if (facts === undefined) {
      const known = this.#known(realPath);
      // It is not recorded, or outside the store.
      if (known === undefined) return this.#read(path);
      facts = known && { ...known, path: realPath };
      this.#facts.set(realPath, facts);
    }
    if (facts === null) this.#failures++;
    return facts && { realPath, facts };
  }

  async #read(path: string): Promise<Inspected | null> {
    this.#others ??= import("./inspector.js").then(
      ({ NativeInspector }) => new NativeInspector(this.#place),
    );
    const inspected = await (await this.#others).inspect(path);
    if (inspected === null) this.#failures++;
    return inspected;
  }

  #known(realPath: string): Facts | null | undefined {
    const storePath = storePathOf(realPath, this.#place.store);
    if (storePath === null) return undefined;
    const name = storePath.slice(this.#place.store.length + 1);
    if (this.#beside.has(name)) return undefined;
    return this.#reader.facts(name, realPath.slice(storePath.length + 1));
  }

  #librariesBeside(): [storePath: string, file: LibraryFile][] {
    return [...this.#beside].flatMap(([storePath, { libraries }]) =>
      libraries.map((file): [string, LibraryFile] => [storePath, file]),
    );
  }
}
