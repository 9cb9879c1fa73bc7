// Replaces the old files with new ones: first a base, if there is to be a new one, then the manifest, by one rename.
// Until that rename every reader gets the old answer, afterwards the new one; and whatever ends this process leaves
// only unreferenced files, which the next writer removes. Nothing is flushed: anything a power cut spoils will fail its
// checksum.
import {
  type About,
  isClosure,
  manifestName,
  type State,
  type StorePathContent,
} from "./format.js";
import type { OwnDirectory } from "./own_directory.js";
import type { Segment } from "./segment.js";
import { SegmentWriter } from "./segment_writer.js";

/** Where a test may hold or kill a writer. */
export type Point =
  | "locked"
  | "listed"
  | "base begun"
  | "base written"
  | "manifest begun"
  | "manifest written"
  | "published";

export type At = (point: Point) => void | Promise<void>;

/** The store paths in a new file: copied from other files, and newly read. */
export interface Contents {
  copied: { from: Segment; isKept(storePath: string): boolean }[];
  read: AsyncIterable<StorePathContent> | Iterable<StorePathContent>;
}

/** For one change of the index; its directory is locked. */
export class IndexWriter {
  readonly #directory: OwnDirectory;
  readonly #at: At;
  readonly #before: string | null;
  /** No other process uses this in its file names. */
  readonly #suffix = `${Date.now()}-${process.pid}`;

  /** Must be constructed before reading the index that the change builds on. */
  constructor(directory: OwnDirectory, at: At) {
    this.#directory = directory;
    this.#at = at;
    this.#before = directory.identity(manifestName);
  }

  /**
   * Writes a base and returns its name. `known` is called after everything has been read.
   * @throws FixelfError, IndexDamage in what is copied
   */
  async writeBase(contents: Contents, known: () => Buffer): Promise<string> {
    const name = `base-${this.#suffix}`;
    const begun = () => this.#at("base begun");
    const aboutOf = (writer: SegmentWriter): About => ({ known: writer.put(known()) });
    await this.#write(name, contents, begun, aboutOf);
    await this.#at("base written");
    return name;
  }

  /**
   * Writes a manifest, makes it the one that readers find, and returns its state; `stateOf` is called after everything
   * has been read. null if the index is no longer the one that was there: it was removed, or the file system has no
   * locks and another process was faster.
   * @throws FixelfError, IndexDamage in what is copied
   */
  async publish(contents: Contents, stateOf: () => State): Promise<State | null> {
    const name = `${manifestName}-${this.#suffix}`;
    const state = await this.#write(name, contents, () => this.#at("manifest begun"), stateOf);
    await this.#at("manifest written");
    if (
      this.#directory.identity(manifestName) !== this.#before ||
      this.#directory.identity(state.base) === null
    ) {
      this.#directory.remove(name);
      return null;
    }
    this.#directory.rename(name, manifestName);
    await this.#at("published");
    return state;
  }

  /** Removes what no manifest names any more, and what killed processes left behind. */
  clean({ base }: State, areClosuresKept: boolean): void {
    try {
      for (const name of this.#directory.names()) {
        if (name === manifestName || name === base) continue;
        if (!(areClosuresKept && isClosure(name))) this.#directory.remove(name);
      }
    } catch {
      // The next writer may have more luck.
    }
  }

  /** Returns what the file records about itself. */
  async #write<About>(
    name: string,
    { copied, read }: Contents,
    begun: () => void | Promise<void>,
    aboutOf: (writer: SegmentWriter) => About,
  ): Promise<About> {
    const file = this.#directory.create(name);
    try {
      const writer = new SegmentWriter(file);
      await begun();
      for (const { from, isKept } of copied) writer.copy(from, isKept);
      for await (const content of read) writer.add(content);
      const about = aboutOf(writer);
      writer.finish(about);
      return about;
    } catch (failure) {
      this.#directory.remove(name);
      throw failure;
    } finally {
      file.close();
    }
  }
}
