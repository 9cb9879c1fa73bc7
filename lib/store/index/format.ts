// What the index holds of a store, in two files of one format (segment.ts):
//
//     base-N      the libraries of nearly all store paths, written once and never changed
//     manifest    those of the store paths that have come since, which of the base are gone, and of
//                 which store all that is, as of when; replaced whole
//
// Beside them are `closure-HASH` and `rooted`, what Nix has said (nix_memory.ts).
import type { Facts } from "../../addon/facts.js";
import type { NativeLibraries } from "../../addon/native.js";
import { IndexDamage } from "./damage.js";

/** Counts up whenever what is stored changes its meaning; others are rebuilt. */
export const formatVersion = 2;

export const manifestName = "manifest";

/** The closure of one store path, by its hash; without one, of what GC roots keep. */
export function closureName(hash: string | null): string {
  return hash === null ? "rooted" : `closure-${hash}`;
}

export function isClosure(name: string): boolean {
  return name === closureName(null) || name.startsWith("closure-");
}

/** What the manifest says. */
export interface State {
  root: string;
  store: string;
  /** The store's directory when it was listed. */
  directory: DirectoryIdentity;
  /** Nanoseconds since 1970, just before that listing. */
  listed: string;
  /** Store paths that were still being written then, or could not be read: examined again each time. */
  unsettled: string[];
  /** `listed` when store paths were last found to be gone. */
  collected: string;
  /** The name of the file with all other store paths. */
  base: string;
  /** Store paths of the base that are gone, or are in the manifest. */
  dropped: string[];
  /** Store paths of the manifest: name and inode. */
  recent: [name: string, inode: string][];
}

/** What a base says. */
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

/** One store path, as it is read from the disk; `name` is without the store's directory. */
export interface StorePathContent extends Pick<NativeLibraries, "libraries" | "elf"> {
  name: string;
}

/** [its path below the store path, the same without links or null, its facts where these are known]. */
export type NamedFile = [path: string, real: string | null, facts?: Facts | null];

/** Bytes of a file, with their checksum. */
export type BlockPlace = [offset: number, size: number, checksum: number];

/** The facts of a file in the same store path are somewhere in the segment, unless it is no ELF file. */
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

/** A checksum can be right by chance. @throws IndexDamage */
export function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new IndexDamage("it does not contain the expected JSON");
  }
}
