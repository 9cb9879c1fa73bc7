// Nix's answers about closures. A store path's references never change, so a closure need not be queried again while
// all of it exists.
import type { StorePaths, StorePlace } from "../place.js";
import { checksum } from "./checksum.js";
import { IndexDamage } from "./damage.js";
import { closureName } from "./format.js";
import { indexPath } from "./location.js";
import { OwnDirectory } from "./own_directory.js";
import type { FreshIndex } from "./refresh.js";

const hashLength = 32;

/** Bytes: the checksum of the rest, then the question on a line, then the answer. */
const checksumSize = 4;

/** The closure of the store paths, from the index; null if it is not there. */
export function rememberedClosure(
  { reader }: FreshIndex,
  place: StorePlace,
  targets: readonly string[],
): StorePaths | null {
  const bytes = contentOf(nameOf(targets), place);
  if (bytes === null || bytes.length < checksumSize) return null;
  const record = bytes.subarray(checksumSize);
  if (bytes.readUInt32LE() !== checksum(record)) return null;
  const question = questionOf(targets, reader.state.collected);
  if (!record.subarray(0, question.length).equals(question)) return null;
  return new PackedStorePaths(record.subarray(question.length));
}

/** Keeps the answer for the next time; not being able to is not an error. */
export function rememberClosure(
  { reader }: FreshIndex,
  place: StorePlace,
  targets: readonly string[],
  closure: readonly string[],
): void {
  const hashes = closure.map(hashOf).sort();
  const question = questionOf(targets, reader.state.collected);
  const record = Buffer.concat([question, Buffer.from(hashes.join(""), "latin1")]);
  const sum = Buffer.alloc(checksumSize);
  sum.writeUInt32LE(checksum(record));
  const name = nameOf(targets);
  const unfinished = `${name}-${process.pid}`;
  try {
    const directory = OwnDirectory.open(indexPath(place));
    if (directory === null) return;
    try {
      const file = directory.create(unfinished);
      try {
        file.write(Buffer.concat([sum, record]));
      } finally {
        file.close();
      }
      directory.rename(unfinished, name);
    } catch {
      directory.remove(unfinished);
    } finally {
      directory.close();
    }
  } catch {
    // The index was read, so it is useful even without this.
  }
}

/** null if it does not exist or cannot be trusted: Nix can be asked again. */
function contentOf(name: string, place: StorePlace): Buffer | null {
  const directory = OwnDirectory.open(indexPath(place));
  if (directory === null) return null;
  try {
    const file = directory.open(name);
    if (file === null) return null;
    try {
      return file.read(0, file.size);
    } finally {
      file.close();
    }
  } catch (failure) {
    if (failure instanceof IndexDamage) return null;
    throw failure;
  } finally {
    directory.close();
  }
}

/** Each store path has its own record; there is only one set of GC roots at a time. */
function nameOf(targets: readonly string[]): string {
  const [only = ""] = targets;
  return closureName(targets.length === 1 ? hashOf(only) : null);
}

/** Includes when store paths were last gone: if one of these could have been among them, Nix is asked again. */
function questionOf(targets: readonly string[], collected: string): Buffer {
  return Buffer.from(`${JSON.stringify([collected, [...targets].sort()])}\n`);
}

/** The unique part of "/nix/store/<hash>-<name>". */
function hashOf(storePath: string): string {
  const start = storePath.lastIndexOf("/") + 1;
  return storePath.slice(start, start + hashLength);
}

/** Sorted hashes, one after the other: thousands of paths, of which only a few are looked up. */
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
