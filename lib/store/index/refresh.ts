// Brings the index up to date with the store, by the least that this takes: nothing where the
// store's directory has not changed, else one listing of it and a scan of what is new.
import { lstatSync, statSync } from "node:fs";
import { native } from "../../native.js";
import { hostPath, type StorePlace } from "../place.js";
import { Environment, isAbsence } from "./environment.js";
import {
  type DirectoryIdentity,
  encodeContent,
  formatVersion,
  type State,
  type StorePathContent,
} from "./format.js";
import { differenceOf, type Entry, entriesOf, listingOf } from "./listing.js";
import { IndexDamage } from "./pages.js";
import { IndexReader } from "./reader.js";
import { scanStorePaths } from "./scan.js";

/** What a person may want to know meanwhile. */
export type IndexEvent =
  | { kind: "scanning"; done: number; total: number }
  /** The index is built anew, or cannot be used. */
  | { kind: "trouble"; message: string };

export type Tell = (event: IndexEvent) => void;

/** An index that agrees with the store. */
export interface FreshIndex {
  reader: IndexReader;
  /** Store paths that are still being written: read for this answer, and not recorded. */
  unsettled: StorePathContent[];
}

/** Bytes of records in one transaction: what is lost when the process ends, and held in memory. */
const transactionBytes = 8 << 20;

/** Nanoseconds; the coarsest clock of a file system (ext3 counts seconds). */
const clockGranularity = 1_000_000_000n;

/** Nanoseconds that a store path which Nix did not make must have been left alone. */
const settlingTime = 60_000_000_000n;

const timesToTry = 5;

/**
 * The index, after what it lacked was added and what is gone was dropped; null for a store that is
 * not there.
 * @throws Error where it can't be kept: a full disk, no right to write, no build of LMDB
 */
export async function refreshed(place: StorePlace, tell: Tell): Promise<FreshIndex | null> {
  const environment = new Environment(place);
  let reader = openReader(environment, tell);
  for (let time = 0; time < timesToTry; time++) {
    const now = identityOf(place);
    if (now === null) {
      reader?.close();
      return null;
    }
    try {
      const state = reader?.state() ?? null;
      if (
        reader !== null &&
        state !== null &&
        isCurrent(state, now) &&
        state.unsettled.length === 0
      )
        return { reader, unsettled: [] };
      const attempt = new Attempt(environment, place, reader, state, tell);
      const unsettled = await attempt.run(now);
      if (unsettled !== null) {
        reader ??= new IndexReader(environment, environment.generation());
        return { reader, unsettled };
      }
    } catch (failure) {
      if (!(failure instanceof IndexDamage)) throw failure;
      tell({ kind: "trouble", message: `the index is built anew: ${failure.message}` });
      reader?.close();
      environment.make(environment.generation() + 1);
      reader = null;
    }
  }
  throw new Error("the store and its index are changed too often by others");
}

/** Whether all that the state says still holds. */
function isCurrent(state: State, now: DirectoryIdentity): boolean {
  const then = state.directory;
  return (
    then !== null &&
    then.device === now.device &&
    then.inode === now.inode &&
    then.modified === now.modified &&
    then.changed === now.changed &&
    !isRacy(then, state.listed)
  );
}

/** A change right after the listing could have left the same times (git's index has the same care). */
function isRacy({ modified, changed }: DirectoryIdentity, listed: string): boolean {
  const latest = BigInt(modified) > BigInt(changed) ? BigInt(modified) : BigInt(changed);
  return latest + clockGranularity >= BigInt(listed);
}

function identityOf(place: StorePlace): DirectoryIdentity | null {
  try {
    const state = statSync(hostPath(place.store, place), { bigint: true });
    return {
      device: `${state.dev}`,
      inode: `${state.ino}`,
      modified: `${state.mtimeNs}`,
      changed: `${state.ctimeNs}`,
    };
  } catch (failure) {
    if (isAbsence(failure)) return null;
    throw failure;
  }
}

function openReader(environment: Environment, tell: Tell): IndexReader | null {
  const generation = environment.generation();
  if (generation === 0) return null;
  try {
    return new IndexReader(environment, generation);
  } catch (failure) {
    if (isAbsence(failure)) return null;
    if (!(failure instanceof IndexDamage)) throw failure;
    tell({ kind: "trouble", message: `the index is built anew: ${failure.message}` });
    environment.make(generation + 1);
    return null;
  }
}

/** One listing, and what follows from it. */
class Attempt {
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
