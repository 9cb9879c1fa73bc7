// Brings the index up to date with the store, by the least that this takes: one listing of the
// store's directory and a scan of what is new in it.
import { lstatSync } from "node:fs";
import { native } from "../../native.js";
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
import { scanStorePaths } from "./scan.js";

/** Bytes of records in one transaction: what is lost when the process ends, and held in memory. */
const transactionBytes = 8 << 20;

/** Nanoseconds that a store path which Nix did not make must have been left alone. */
const settlingTime = 60_000_000_000n;

/** One listing, and what follows from it. */
export class Refresh {
  readonly #environment: Environment;
  readonly #place: StorePlace;
  readonly #reader: IndexReader | null;
  readonly #state: State | null;
  readonly #tell: Tell;
  #listed = "";

  constructor(
    environment: Environment,
    place: StorePlace,
    reader: IndexReader | null,
    state: State | null,
    tell: Tell,
  ) {
    this.#environment = environment;
    this.#place = place;
    this.#reader = reader;
    this.#state = state;
    this.#tell = tell;
  }

  /** What is unsettled; null where another process has listed the store later than this one. */
  async run(directory: DirectoryIdentity): Promise<StorePathContent[] | null> {
    this.#listed = `${BigInt(Date.now()) * 1_000_000n}`;
    const listing = await native.listStore(hostPath(this.#place.store, this.#place));
    const known = this.#reader?.known() ?? Buffer.alloc(0);
    const { added, gone } = differenceOf(known, listing);
    const settled = added.filter((entry) => this.#isSettled(entry));
    const unsettled = added.filter((entry) => !settled.includes(entry)).map(({ name }) => name);

    const isNews =
      settled.length > 0 ||
      gone.length > 0 ||
      this.#state === null ||
      this.#state.unsettled.join() !== unsettled.join() ||
      // That the directory is the same is only worth writing down if it can be relied on next time.
      (!isCurrent(this.#state, directory) && !isRacy(directory, this.#listed));
    if (isNews && !(await this.#write(directory, listing, settled, unsettled))) return null;

    const contents: StorePathContent[] = [];
    for await (const content of scanStorePaths(unsettled, this.#place)) contents.push(content);
    return contents;
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

  async #write(
    directory: DirectoryIdentity,
    listing: Buffer,
    settled: readonly Entry[],
    unsettled: string[],
  ): Promise<boolean> {
    // Slow to load, and only needed where there is something to write.
    const { openWriter } = await import("./writer.js");
    const generation = Math.max(1, this.#environment.generation());
    const writer = openWriter(this.#environment, generation, this.#reader);
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
            if (gone.length > 0) state.collections++;
            Object.assign(state, { directory, listed: this.#listed, unsettled });
          }
          if (changes > 0 || before === 0) transaction.putKnown(listingOf(known.values()));
          transaction.putState(state);
          return true;
        });

      let waiting: StorePathContent[] = [];
      let bytes = 0;
      let done = 0;
      for await (const content of scanStorePaths([...inodes.keys()], this.#place)) {
        waiting.push(content);
        bytes += encodeContent(content).length;
        this.#tell({ kind: "scanning", done: ++done, total: settled.length });
        if (bytes < transactionBytes) continue;
        if (!commit(waiting, false)) return false;
        waiting = [];
        bytes = 0;
      }
      return commit(waiting, true);
    } finally {
      await writer.close();
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
