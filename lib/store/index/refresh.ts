// Brings the index up to date with the store by doing as little as possible: listing the store's directory once and
// scanning what is new in it.
import { setTimeout } from "node:timers/promises";
import { native } from "../../addon/native.js";
import { underWay } from "../../addon/under_way.js";
import { lstatSync } from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import type { Tell } from "../../base/options.js";
import { hostPath, type StorePlace } from "../place.js";
import { identityOf, isCurrent, isRacy } from "./directory.js";
import type { DirectoryIdentity, State, StorePathContent } from "./format.js";
import { differenceOf, type Entry, entriesOf, listingOf } from "./listing.js";
import { makeIndexDirectory } from "./location.js";
import type { OwnDirectory } from "./own_directory.js";
import { IndexReader } from "./reader.js";
import { scanStorePaths } from "./scan.js";
import { type At, type Contents, IndexWriter } from "./writer.js";

/** Nanoseconds for which a store path not made by Nix must have been left alone. */
const settlingTime = 60_000_000_000n;

/** Store paths outside the base: with more than this, or with more that are gone, a new base is written. */
const mostRecent = 64;
const mostDropped = 256;

/** The manifest's largest size in bytes; it is rewritten for each store path. */
const largestManifest = 1 << 20;

/** Milliseconds for which a caller that wants the index itself waits for another process's lock. */
const patience = 120_000;
const interval = 20;

/** An index that agrees with the store. */
export interface FreshIndex {
  reader: IndexReader;
  /**
   * What the reader lacks, or has in an outdated form: unfinished store paths and, if nothing could be written, those
   * that are new or gone. If a name occurs twice, the later one counts.
   */
  beside: StorePathContent[];
}

export interface RefreshOptions {
  /** Put everything into the base. */
  merged: boolean;
  /** Ignore the existing index. */
  rebuild: boolean;
  at: At;
}

/** What a listing shows, compared with what is recorded. */
interface News {
  directory: DirectoryIdentity;
  listing: Buffer;
  /** Recorded in the manifest, and still there. */
  kept: Entry[];
  /** Recorded nowhere, and finished. */
  added: Entry[];
  /** Recorded in the base, and gone. */
  dropped: string[];
  /** Recorded anywhere, and gone since the last listing. */
  lost: string[];
  /** Not finished; and those of `added` that turned out to be unreadable for now. */
  unsettled: string[];
}

/** One listing, and the changes that follow from it. */
export class Refresh {
  readonly #place: StorePlace;
  readonly #path: string;
  readonly #tell: Tell;
  readonly #options: RefreshOptions;
  #listed = "";

  constructor(place: StorePlace, path: string, tell: Tell, options: RefreshOptions) {
    this.#place = place;
    this.#path = path;
    this.#tell = tell;
    this.#options = options;
  }

  /**
   * An index that agrees with the store, written to disk if possible; null for a store that does not exist, or if
   * another process is writing so much that doing without is quicker. `"again"`: it was overtaken.
   * @throws FixelfError if there is no index and none can be kept, IndexDamage
   */
  async run(): Promise<FreshIndex | "again" | null> {
    const { at, rebuild } = this.#options;
    const directory = makeIndexDirectory(this.#path);
    let reader: IndexReader | null = null;
    try {
      const isLocked = await this.#lock(directory);
      const writer = isLocked ? new IndexWriter(directory, at) : null;
      if (isLocked) await at("locked");
      reader = rebuild ? null : IndexReader.open(directory, this.#place);
      const news = await this.#list(reader);
      if (news === null) return null;
      await at("listed");
      if (reader !== null && !this.#isWorthWriting(reader, news))
        return { reader, beside: await this.#read(news.unsettled) };
      const fresh = writer && (await this.#write(directory, writer, reader, news));
      if (fresh !== null) return fresh;
      return reader && (await this.#without(reader, news));
    } catch (failure) {
      reader?.close();
      throw failure;
    } finally {
      directory.close(); // and with it the lock
    }
  }

  /** Whether it got the lock. A caller that only wants answers does not wait. */
  async #lock(directory: OwnDirectory): Promise<boolean> {
    for (let waited = 0; !native.tryLock(directory.descriptor); waited += interval) {
      if (!this.#options.merged) return false;
      if (waited >= patience)
        throw new FixelfError("busy", `another process is writing the index in ${this.#path}`, {
          path: this.#path,
        });
      await setTimeout(interval, undefined, { signal: underWay.getStore()?.signal });
    }
    return true;
  }

  /** null for a store that does not exist. */
  async #list(reader: IndexReader | null): Promise<News | null> {
    const directory = identityOf(this.#place);
    if (directory === null) return null;
    this.#listed = `${BigInt(Date.now()) * 1_000_000n}`;
    const listing = await native.listStore(hostPath(this.#place.store, this.#place));
    const { added, gone } = differenceOf(reader?.known() ?? Buffer.alloc(0), listing);
    const settled = added.filter((entry) => this.#isSettled(entry));
    const recent = new Map(reader?.state.recent);
    const kept = settled.filter(({ name, inode }) => recent.get(name) === inode);
    for (const { name } of kept) recent.delete(name);
    const before = new Set(reader?.state.dropped);
    return {
      directory,
      listing,
      kept,
      added: settled.filter((entry) => !kept.includes(entry)),
      dropped: gone,
      lost: [...gone.filter((name) => !before.has(name)), ...recent.keys()],
      unsettled: added.filter((entry) => !settled.includes(entry)).map(({ name }) => name),
    };
  }

  /**
   * Whether a store path is complete. Nix sets the time of what it has finished to 1 (canonicalise, in libstore), and
   * holds a lock beside what it has not; elsewhere, a path that has not been touched for a while counts as complete.
   */
  #isSettled({ name, locked }: Entry): boolean {
    const path = hostPath(`${this.#place.store}/${name}`, this.#place);
    const state = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (state === undefined) return false;
    if (state.mtimeNs === 1_000_000_000n) return true;
    const latest = state.mtimeNs > state.ctimeNs ? state.mtimeNs : state.ctimeNs;
    return !locked && latest + settlingTime < BigInt(this.#listed);
  }

  #isWorthWriting({ state, isWhole }: IndexReader, news: News): boolean {
    return (
      news.added.length > 0 ||
      news.lost.length > 0 ||
      (this.#options.merged && !isWhole) ||
      state.unsettled.join() !== news.unsettled.join() ||
      // An unchanged directory is only worth recording if that can be relied on next time.
      (!isCurrent(state, news.directory) && !isRacy(news.directory, this.#listed))
    );
  }

  /** null if it cannot be kept but is not essential. */
  async #write(
    directory: OwnDirectory,
    writer: IndexWriter,
    reader: IndexReader | null,
    news: News,
  ): Promise<FreshIndex | "again" | null> {
    let state: State | null;
    try {
      if (reader === null || this.#isForBase(reader, news)) {
        const everything = this.#everything(reader, news);
        const base = await writer.writeBase(everything, () => knownOf(news));
        const whole = { base, dropped: [], recent: [] };
        state = await writer.publish({ copied: [], read: [] }, () => ({
          ...this.#stateAfter(reader, news),
          ...whole,
        }));
      } else {
        state = await writer.publish(this.#sinceBase(reader, news), () =>
          this.#stateAfter(reader, news),
        );
      }
    } catch (failure) {
      if (!directory.isThere()) return "again";
      if (reader === null || !FixelfError.is(failure)) throw failure;
      const message = `what is new in the store is not kept: ${failure.message}`;
      this.#tell({ kind: "trouble", message });
      return null;
    }
    if (state === null) return "again";
    writer.clean(state, state.collected === reader?.state.collected);
    reader?.close();
    const beside = await this.#read(news.unsettled);
    const written = IndexReader.open(directory, this.#place);
    return written === null ? "again" : { reader: written, beside };
  }

  /** To be called after the added ones have been read. */
  #stateAfter(reader: IndexReader | null, news: News): State {
    const { directory, unsettled, dropped, lost, kept, added } = news;
    const before = reader?.state;
    return {
      root: this.#place.root,
      store: this.#place.store,
      directory,
      listed: this.#listed,
      unsettled,
      collected: before === undefined || lost.length > 0 ? this.#listed : before.collected,
      base: before?.base ?? "",
      dropped,
      recent: [...kept, ...added]
        .filter(({ name }) => !unsettled.includes(name))
        .map(({ name, inode }) => [name, inode]),
    };
  }

  #isForBase({ manifest }: IndexReader, { kept, added, dropped }: News): boolean {
    const beside = kept.length + added.length;
    return (
      beside > mostRecent ||
      dropped.length > mostDropped ||
      manifest.size > largestManifest ||
      (this.#options.merged && beside + dropped.length > 0)
    );
  }

  #everything(reader: IndexReader | null, news: News): Contents {
    const since = this.#sinceBase(reader, news);
    if (reader === null) return since;
    const dropped = new Set(news.dropped);
    const base = { from: reader.base, isKept: (name: string) => !dropped.has(name) };
    return { ...since, copied: [base, ...since.copied] };
  }

  #sinceBase(reader: IndexReader | null, news: News): Contents {
    const names = new Set(news.kept.map(({ name }) => name));
    return {
      copied: reader ? [{ from: reader.manifest, isKept: (name) => names.has(name) }] : [],
      read: this.#scan(news),
    };
  }

  async *#scan({ added, unsettled }: News): AsyncGenerator<StorePathContent> {
    const names = added.map(({ name }) => name);
    let done = 0;
    for await (const { complete, ...content } of scanStorePaths(names, this.#place)) {
      // Otherwise one disk error would be remembered as "not an ELF file".
      if (complete) yield content;
      else unsettled.push(content.name);
      this.#tell({ kind: "scanning", done: ++done, total: names.length });
    }
  }

  /** An answer for now, from what is recorded and what is not; null if that is too much. */
  async #without(reader: IndexReader, news: News): Promise<FreshIndex | null> {
    const { added, lost, unsettled } = news;
    if (added.length > mostRecent) return null;
    const gone = lost.map((name) => ({ name, libraries: [], elf: [] }));
    const read = await this.#read([...added.map(({ name }) => name), ...unsettled]);
    // A store path that was replaced is in both; the version read counts.
    return { reader, beside: [...gone, ...read] };
  }

  async #read(names: readonly string[]): Promise<StorePathContent[]> {
    const contents: StorePathContent[] = [];
    for await (const content of scanStorePaths(names, this.#place)) contents.push(content);
    return contents;
  }
}

/** What a complete base knows: the listing without what is still being written. */
function knownOf({ listing, unsettled }: News): Buffer {
  const entries = entriesOf(listing);
  for (const name of unsettled) entries.delete(name);
  return listingOf(entries.values());
}
