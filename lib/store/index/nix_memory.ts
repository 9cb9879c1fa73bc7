// What Nix has said of closures. A store path's references never change, so that a closure which was
// asked for once need not be asked for again while all of it is there.
import type { StorePlace } from "../place.js";
import { Environment } from "./environment.js";
import { closureKey, rootedKey, sealed, unsealed } from "./format.js";
import type { FreshIndex } from "./fresh.js";
import { IndexDamage } from "./pages.js";

/** A set of store paths, asked only whether it has one. */
export interface StorePaths {
  has(storePath: string): boolean;
}

const hashLength = 32;

/** The closure of the store paths, from the index; null where it is not there. */
export function rememberedClosure(
  { reader }: FreshIndex,
  targets: readonly string[],
): StorePaths | null {
  let record: Buffer;
  try {
    const bytes = reader.get(keyOf(targets));
    if (bytes === null) return null;
    record = unsealed(bytes);
  } catch (failure) {
    // Nix can be asked again.
    if (failure instanceof IndexDamage) return null;
    throw failure;
  }
  const question = questionOf(targets, reader.collections());
  if (!record.subarray(0, question.length).equals(question)) return null;
  return new PackedStorePaths(record.subarray(question.length));
}

/** Keeps it for the next time; that it can't be kept is no failure. */
export async function rememberClosure(
  { reader }: FreshIndex,
  place: StorePlace,
  targets: readonly string[],
  closure: readonly string[],
): Promise<void> {
  const hashes = closure.map(hashOf).sort();
  const question = questionOf(targets, reader.collections());
  const record = sealed(Buffer.concat([question, Buffer.from(hashes.join(""), "latin1")]));
  try {
    const { openWriter } = await import("./writer.js");
    const environment = new Environment(place);
    const writer = openWriter(environment, environment.generation(), reader);
    try {
      writer.transaction((transaction) => transaction.put(keyOf(targets), record));
    } finally {
      await writer.close();
    }
  } catch {
    // The index was read, and so is of use without this.
  }
}

/** One store path has a record of its own; of GC roots there is one set at a time. */
function keyOf(targets: readonly string[]): Buffer {
  const [only = ""] = targets;
  return targets.length === 1 ? closureKey(hashOf(only)) : rootedKey;
}

/** Also how often store paths have gone: Nix is asked again when one could have been among them. */
function questionOf(targets: readonly string[], collections: number): Buffer {
  return Buffer.from(`${JSON.stringify([collections, [...targets].sort()])}\n`);
}

/** What is unique in "/nix/store/<hash>-<name>". */
function hashOf(storePath: string): string {
  const start = storePath.lastIndexOf("/") + 1;
  return storePath.slice(start, start + hashLength);
}

/** Sorted hashes, one after the other: thousands of paths, of which a few are asked for. */
class PackedStorePaths implements StorePaths {
  readonly #hashes: Buffer;

  constructor(hashes: Buffer) {
    this.#hashes = hashes;
  }

  has(storePath: string): boolean {
    const hash = Buffer.from(hashOf(storePath), "latin1");
    let low = 0;
    let high = this.#hashes.length / hashLength;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = middle * hashLength;
      const order = this.#hashes.compare(hash, 0, hashLength, at, at + hashLength);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return false;
  }
}
