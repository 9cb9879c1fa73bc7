// Brings the index up to date with the store, by the least that this takes: one listing of the
// store's directory and a scan of what is new in it.
import { lstatSync } from "node:fs";
import { native } from "../../addon/native.js";
import { hostPath, type StorePlace } from "../place.js";
import { isCurrent, isRacy } from "./directory.js";
import type { Environment } from "./environment.js";
import type { Tell } from "./event.js";
import {
  type DirectoryIdentity,
  encodeContent,
  formatVersion,
  type State,
  type StorePathContent,
} from "./format.js";
import { differenceOf, type Entry, entriesOf, listingOf } from "./listing.js";
import type { IndexReader } from "./reader.js";
import { mostRecent, type Recent, type RecentStorePath, writeRecent } from "./recent.js";
import { scanStorePaths } from "./scan.js";

/** Bytes of records in one transaction: what is lost when the process ends, and held in memory. */
const transactionBytes = 8 << 20;

/** Nanoseconds that a store path which Nix did not make must have been left alone. */
const settlingTime = 60_000_000_000n;

/** The index as it is found; nulls where there is none. */
export interface Before {
  reader: IndexReader | null;
  state: State | null;
  recent: Recent | null;
}

/** What a listing shows, beside what is recorded. */
interface News {
  directory: DirectoryIdentity;
  listing: Buffer;
  /** Finished ones that LMDB does not have. */
  settled: Entry[];
  /** Those of them that have been read, by name. */
  read: Map<string, StorePathContent>;
  /** Whether store paths that were recorded are no more. */
  isSomeGone: boolean;
  unsettled: string[];
}

/** One listing, and what follows from it. */
export class Refresh {
  readonly #environment: Environment;
  readonly #place: StorePlace;
  readonly #before: Before;
  readonly #tell: Tell;
  #listed = "";

  constructor(environment: Environment, place: StorePlace, before: Before, tell: Tell) {
    this.#environment = environment;
    this.#place = place;
    this.#before = before;
    this.#tell = tell;
  }

  /**
   * What is not in LMDB; null where another process has listed the store later than this one.
   * `merged`: only what is still being written.
   */
  async run(directory: DirectoryIdentity, merged: boolean): Promise<StorePathContent[] | null> {
    const { reader, state, recent } = this.#before;
    this.#listed = `${BigInt(Date.now()) * 1_000_000n}`;
    const listing = await native.listStore(hostPath(this.#place.store, this.#place));
    const { added, gone } = differenceOf(reader?.known() ?? Buffer.alloc(0), listing);
    const settled = added.filter((entry) => this.#isSettled(entry));
    const unsettled = added.filter((entry) => !settled.includes(entry)).map(({ name }) => name);

    const kept = stillThere(recent?.storePaths ?? [], settled);
    const news: News = {
      directory,
      listing,
      settled,
      read: new Map(kept.map(({ content }) => [content.name, content])),
      isSomeGone: gone.length > 0 || kept.length < (recent?.storePaths.length ?? 0),
      unsettled,
    };
    const recorded = recent ?? state;
    const isNews =
      settled.length > kept.length ||
      news.isSomeGone ||
      (merged && recent !== null) ||
      recorded?.unsettled.join() !== unsettled.join() ||
      // That the directory is the same is only worth writing down if it can be relied on next time.
      (!(recorded && isCurrent(recorded, directory)) && !isRacy(directory, this.#listed));
    let beside = kept.map(({ content }) => content);
    if (isNews) {
      const written = (merged ? null : await this.#writeBeside(news)) ?? (await this.#write(news));
      if (written === null) return null;
      beside = written;
    }
    for await (const content of scanStorePaths(unsettled, this.#place)) beside.push(content);
    return beside;
  }

  /**
   * Whether a store path is whole. Nix sets the time of what it has finished to 1 (canonicalise, in
   * libstore), and holds a lock beside what it has not; elsewhere, what nobody has touched for a
   * while is taken to be.
   */
  #isSettled({ name, locked }: Entry): boolean {
    const path = hostPath(`${this.#place.store}/${name}`, this.#place);
    const state = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (state === undefined) return false;
    if (state.mtimeNs === 1_000_000_000n) return true;
    const latest = state.mtimeNs > state.ctimeNs ? state.mtimeNs : state.ctimeNs;
    return !locked && latest + settlingTime < BigInt(this.#listed);
  }

  /** Leaves LMDB as it is, and answers what is now beside it; null where it has to change. */
  async #writeBeside(news: News): Promise<StorePathContent[] | null> {
    const { state } = this.#before;
    const { directory, settled, unsettled } = news;
    if (state === null || state.directory === null) return null;
    if (news.isSomeGone || settled.length > mostRecent) return null;
    const storePaths: RecentStorePath[] = [];
    for await (const content of this.#contents(news)) {
      news.read.set(content.name, content);
      storePaths.push({ entry: settled[storePaths.length] as Entry, content });
    }
    const place = this.#environment.place(this.#environment.generation());
    const recent = { directory, listed: this.#listed, unsettled, storePaths };
    try {
      if (!writeRecent(place, recent, state)) return null;
    } catch (failure) {
      const message = `what is new in the store is not kept: ${(failure as Error).message}`;
      this.#tell({ kind: "trouble", message });
    }
    return storePaths.map(({ content }) => content);
  }

  /** Puts everything into LMDB, so that nothing is beside it; null where others were faster. */
  async #write(news: News): Promise<StorePathContent[] | null> {
    const { directory, listing, settled, unsettled } = news;
    // Slow to load, and only needed where there is something to write.
    const { openWriter } = await import("./writer.js");
    const generation = Math.max(1, this.#environment.generation());
    const writer = openWriter(this.#environment, generation, this.#before.reader);
    try {
      const inodes = new Map(settled.map((entry) => [entry.name, entry]));
      const commit = (contents: readonly StorePathContent[], last: boolean): boolean =>
        writer.transaction((transaction) => {
          const state = transaction.state() ?? this.#emptyState();
          if (BigInt(state.listed) > BigInt(this.#listed)) return false;
          const known = entriesOf(transaction.known());
          const before = known.size;
          let changes = contents.length;
          for (const content of contents) {
            state.elfFiles += transaction.putContent(content);
            known.set(content.name, inodes.get(content.name) as Entry);
          }
          if (last) {
            // As they are now: another process may have added some since this one read them.
            const gone = differenceOf(transaction.known(), listing).gone;
            for (const name of gone.filter((each) => !inodes.has(each))) {
              state.elfFiles += transaction.removeContent(name);
              known.delete(name);
              changes++;
            }
            if (gone.length > 0 || news.isSomeGone) state.collections++;
            Object.assign(state, { directory, listed: this.#listed, unsettled });
          }
          if (changes > 0 || before === 0) transaction.putKnown(listingOf(known.values()));
          transaction.putState(state);
          return true;
        });

      let waiting: StorePathContent[] = [];
      let bytes = 0;
      let done = 0;
      for await (const content of this.#contents(news)) {
        waiting.push(content);
        bytes += encodeContent(content).length;
        this.#tell({ kind: "scanning", done: ++done, total: settled.length });
        if (bytes < transactionBytes) continue;
        if (!commit(waiting, false)) return null;
        waiting = [];
        bytes = 0;
      }
      return commit(waiting, true) ? [] : null;
    } finally {
      await writer.close();
    }
  }

  /** What the settled store paths hold, in their order; those that have been read are not read again. */
  async *#contents({ settled, read }: News): AsyncGenerator<StorePathContent> {
    const unread = settled.map(({ name }) => name).filter((name) => !read.has(name));
    const scans = scanStorePaths(unread, this.#place);
    for (const { name } of settled) {
      const content = read.get(name) ?? (await scans.next()).value;
      if (content) yield content;
    }
  }

  #emptyState(): State {
    const { root, store } = this.#place;
    return {
      format: formatVersion,
      root,
      store,
      directory: null,
      listed: "0",
      unsettled: [],
      elfFiles: 0,
      collections: 0,
    };
  }
}

/** Those that are in the listing as they were. */
function stillThere(
  recent: readonly RecentStorePath[],
  settled: readonly Entry[],
): RecentStorePath[] {
  const inodes = new Map(settled.map(({ name, inode }) => [name, inode]));
  return recent.filter(({ entry }) => inodes.get(entry.name) === entry.inode);
}
