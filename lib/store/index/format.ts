// What the index holds about a store, in two files of the same format (segment.ts):
//
//     base-N      the libraries of nearly all store paths, written once and never changed
//     manifest    those of the store paths added since, which store paths of the base are gone, and which
//                 store all of this describes, and as of when; replaced as a whole
//
// Beside them are `closure-HASH` and `rooted`, Nix's answers (nix_memory.ts).
import type { Facts } from "../../addon/facts.js";
import type { NativeLibraries } from "../../addon/native.js";
import { IndexDamage } from "./damage.js";

/** Incremented whenever the meaning of what is stored changes; an index with another version is rebuilt. */
export const formatVersion = 2;

export const manifestName = "manifest";

/** The closure of one store path, by its hash; without a hash, that of everything GC roots keep. */
export function closureName(hash: string | null): string {
  return hash === null ? "rooted" : `closure-${hash}`;
}

export function isClosure(name: string): boolean {
  return name === closureName(null) || name.startsWith("closure-");
}

/** What the manifest contains. */
export interface State {
  root: string;
  store: string;
  /** The store's directory at the time of the listing. */
  directory: DirectoryIdentity;
  /** Nanoseconds since 1970, just before that listing. */
  listed: string;
  /**
   * Store paths that were still being written at that time, or could not be read: they are examined again each time.
   */
  unsettled: string[];
  /** The value of `listed` when store paths were last found to be gone. */
  collected: string;
  /** The name of the file with all other store paths. */
  base: string;
  /** Store paths in the base that are gone, or are in the manifest. */
  dropped: string[];
  /** Store paths in the manifest: name and inode. */
  recent: [name: string, inode: string][];
}

/** What a base contains. */
export interface About {
  /** Its store paths, as native/scan/store_listing.hpp lays them out. */
  known: BlockPlace;
}

/** Changes whenever an entry is added, removed or renamed. Decimal numbers. */
export interface DirectoryIdentity {
  device: string;
  inode: string;
  /** Nanoseconds since 1970. */
  modified: string;
  changed: string;
}

/** One store path, as read from disk; `name` omits the store's directory. */
export interface StorePathContent extends Pick<NativeLibraries, "libraries" | "elf"> {
  name: string;
}

/** [its path below the store path, the same without links or null, its facts if known]. */
export type NamedFile = [path: string, real: string | null, facts?: Facts | null];

/** Bytes in a file, with their checksum. */
export type BlockPlace = [offset: number, size: number, checksum: number];

/** The facts of a file in the same store path are somewhere in the segment, unless it is not an ELF file. */
export type StoredFile =
  | [path: string, real: string | null]
  | [path: string, real: string, offset: number, size: number, checksum: number];

export function encodeFacts(facts: Facts): Buffer {
  return Buffer.from(JSON.stringify({ ...facts, entry: facts.entry.toString() }));
}

/** @throws IndexDamage */
export function decodeFacts(bytes: Buffer): Facts {
  const facts = parsed<Omit<Facts, "entry"> & { entry: string }>(bytes.toString());
  return { ...facts, entry: BigInt(facts.entry) };
}

/** A checksum can match by chance. @throws IndexDamage */
export function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new IndexDamage("it does not contain the expected JSON");
  }
}
