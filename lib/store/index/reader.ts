// What the index answers. Reading takes no lock and stops no writer.
import type { Facts } from "../../addon/facts.js";
import type { Environment } from "./environment.js";
import {
  contentKey,
  decode,
  decodeContent,
  decodeNamed,
  factsIn,
  formatVersion,
  knownKey,
  type NamedFile,
  type NameTable,
  nameKey,
  namesKey,
  type State,
  type StorePathContent,
  stateKey,
  storePathOfKey,
  unsealed,
} from "./format.js";
import { IndexDamage, Pages } from "./pages.js";

export class IndexReader {
  readonly #pages: Pages;
  /** What a `find` with many candidates would read again and again. */
  readonly #contents = new Map<string, Buffer | null>();

  /** @throws IndexDamage; ENOENT and the like as Node has them */
  constructor(environment: Environment, generation: number) {
    this.#pages = new Pages(environment.data(generation));
  }

  close(): void {
    this.#pages.close();
  }

  /** null where nothing was written yet. @throws IndexDamage also for another format */
  state(): State | null {
    const bytes = this.#pages.get(stateKey);
    if (bytes === null) return null;
    const state = decode<State>(bytes);
    if (state.format !== formatVersion)
      throw new IndexDamage(`it has format ${state.format}, and this is format ${formatVersion}`);
    return state;
  }

  /** How often store paths were found to be gone. */
  collections(): number {
    return this.state()?.collections ?? 0;
  }

  /** The recorded store paths, as `listing.ts` compares them. */
  known(): Buffer {
    const bytes = this.#pages.get(knownKey);
    return bytes === null ? Buffer.alloc(0) : unsealed(bytes);
  }

  /** What one store path holds; null where it is not recorded. */
  content(storePath: string): StorePathContent | null {
    const bytes = this.#content(storePath);
    return bytes && decodeContent(storePath, bytes);
  }

  /** The facts of one file; undefined where its store path is not recorded, null where it is no ELF. */
  facts(storePath: string, path: string): Facts | null | undefined {
    const bytes = this.#content(storePath);
    return bytes === null ? undefined : factsIn(bytes, path);
  }

  /** Store path → its files of that name, or with that soname, or that need it. */
  named(table: NameTable, name: string): Map<string, NamedFile[]> {
    return new Map(
      this.#pages
        .beginningWith(nameKey(table, name))
        .map(([key, value]) => [storePathOfKey(key), decodeNamed(key, value)]),
    );
  }

  /** The names that begin so, sorted. */
  names(table: NameTable, beginning: string): string[] {
    const keys = this.#pages.keysBeginningWith(namesKey(table, beginning));
    return [...new Set(keys.map((key) => key.toString("utf8", 1, key.indexOf(0))))];
  }

  /** A value that other modules keep here, with its seal. */
  get(key: Buffer): Buffer | null {
    return this.#pages.get(key);
  }

  /** Reads everything. @throws IndexDamage */
  check(): void {
    this.#pages.check(() => {});
  }

  #content(storePath: string): Buffer | null {
    let bytes = this.#contents.get(storePath);
    if (bytes === undefined) {
      bytes = this.#pages.get(contentKey(storePath));
      this.#contents.set(storePath, bytes);
    }
    return bytes;
  }
}
