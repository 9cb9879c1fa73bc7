// What the index holds, as keys and bytes.
//
//     !              the state: of which store, as of when
//     #              every recorded store path with its inode, as native/scan/listing.hpp lays it out
//     p PATH         one store path: what it holds
//     n NAME 0 PATH  files of that name where libraries live, of one store path, with their facts:
//                    whoever asks for a name wants these, and gets them by one descent
//     s NAME 0 PATH  ELF files with that soname, of one store path
//     d NAME 0 PATH  ELF files that need that soname, of one store path
//     c PATH         the closure of a store path
//     r              the closure of what GC roots keep
//
// PATH is a store path without its directory. Everything carries a checksum, because a damaged
// index must not become a wrong answer.
import type { Facts } from "../../addon/facts.js";
import { IndexDamage } from "./pages.js";

/** Counts up whenever what is stored changes its meaning; older ones are built anew. */
export const formatVersion = 1;

/** Of which store, and as of when. */
export interface State {
  format: number;
  root: string;
  store: string;
  /** The store's directory when it was last listed whole; null while the first listing is at work. */
  directory: DirectoryIdentity | null;
  /** Nanoseconds since 1970, just before that listing. */
  listed: string;
  /** Store paths that were still being written then: looked at anew each time. */
  unsettled: string[];
  elfFiles: number;
  /** How often store paths were found to be gone. */
  collections: number;
}

/** Changes whenever an entry is added, removed or renamed. Decimal numbers. */
export interface DirectoryIdentity {
  device: string;
  inode: string;
  /** Nanoseconds since 1970. */
  modified: string;
  changed: string;
}

/** A file of a library's name: its path below the store path. */
export interface LibraryFile {
  name: string;
  path: string;
  /** Without links, below the store path; null where links lead out of it. */
  real: string | null;
}

/** One store path, as the index holds it. */
export interface StorePathContent {
  /** Without the store's directory. */
  name: string;
  libraries: LibraryFile[];
  /** `path` is below the store path. */
  elf: Facts[];
}

export type NameTable = "n" | "s" | "d";

export const stateKey = Buffer.from("!");
export const knownKey = Buffer.from("#");
export const rootedKey = Buffer.from("r");

export function contentKey(storePath: string): Buffer {
  return Buffer.from(`p${storePath}`);
}

export function closureKey(storePath: string): Buffer {
  return Buffer.from(`c${storePath}`);
}

/** The key of one store path's files of a name; without a store path, what all of these begin with. */
export function nameKey(table: NameTable, name: string, storePath = ""): Buffer {
  return Buffer.from(`${table}${keyName(name)}\0${storePath}`);
}

/** The store path that such a key ends in. */
export function storePathOfKey(key: Buffer): string {
  return key.toString("utf8", key.lastIndexOf(0) + 1);
}

/** Whose names begin so; the name is as long as it was only up to `longestName` bytes. */
export function namesKey(table: NameTable, beginning: string): Buffer {
  return Buffer.from(table + beginning);
}

/** LMDB takes keys of 1978 bytes, and a store path's name has at most 243 (libstore/path.cc). */
const longestName = 1000;

function keyName(name: string): string {
  return shortened(name, longestName);
}

/** The text, or where it has more bytes than that, its beginning and a checksum of it all. */
export function shortened(text: string, longest: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longest) return text;
  const beginning = bytes.toString("latin1", 0, longest - 10).replace(/[^ -~]/g, "_");
  return `${beginning}~${checksum(bytes, 0, bytes.length).toString(16).padStart(8, "0")}`;
}

export function encode(value: unknown): Buffer {
  return sealed(Buffer.from(JSON.stringify(value)));
}

/** @throws IndexDamage */
export function decode<T>(bytes: Buffer): T {
  return JSON.parse(unsealed(bytes).toString()) as T;
}

/** The bytes, and behind them their checksum. */
export function sealed(bytes: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(bytes.length + 4);
  bytes.copy(whole);
  whole.writeUInt32LE(checksum(bytes, 0, bytes.length), bytes.length);
  return whole;
}

/** @throws IndexDamage */
export function unsealed(bytes: Buffer): Buffer {
  const size = bytes.length - 4;
  if (size < 0 || bytes.readUInt32LE(size) !== checksum(bytes, 0, size))
    throw new IndexDamage("a checksum is wrong");
  return bytes.subarray(0, size);
}

/**
 * A store path's files are lines, each with a checksum of its own: of the hundreds of files in glibc,
 * one is wanted.
 */
export function encodeContent({ libraries, elf }: StorePathContent): Buffer {
  const lines = [libraries.map(({ name, path, real }) => [name, path, real]), ...elf.map(asLine)];
  const sealedLines = lines.map((line) => {
    const text = Buffer.from(JSON.stringify(line));
    return `${text}\t${checksum(text, 0, text.length).toString(16)}\n`;
  });
  // What a search for "<newline>[" finds first must be the first file.
  return Buffer.from(`\n${sealedLines.join("")}`);
}

/** @throws IndexDamage */
export function decodeContent(name: string, bytes: Buffer): StorePathContent {
  const libraries: LibraryFile[] = [];
  const elf: Facts[] = [];
  for (let start = 1; start < bytes.length; start = bytes.indexOf("\n", start) + 1) {
    const line = lineAt(bytes, start);
    if (start === 1) {
      for (const [file, path, real] of line as [string, string, string | null][])
        libraries.push({ name: file, path, real });
    } else {
      elf.push(asFacts(line as FactsLine));
    }
  }
  return { name, libraries, elf };
}

/** The facts of one file; null where that file is no readable ELF. @throws IndexDamage */
export function factsIn(bytes: Buffer, path: string): Facts | null {
  const found = bytes.indexOf(`\n[${JSON.stringify(path)},{`);
  return found === -1 ? null : asFacts(lineAt(bytes, found + 1) as FactsLine);
}

/** [its path below the store path, the same without links or null, its facts where these are known]. */
export type NamedFile = [path: string, real: string | null, facts?: Facts | null];

type NamedLine = [path: string, real: string | null, facts?: FactsLine | null];

/** The key is in the value too: a damaged one must not give files to another store path. */
export function encodeNamed(key: Buffer, files: readonly NamedFile[]): Buffer {
  const lines = files.map(
    ([path, real, facts]): NamedLine =>
      facts === undefined ? [path, real] : [path, real, facts && asLine(facts)],
  );
  return encode([key.toString("latin1"), lines]);
}

/** @throws IndexDamage */
export function decodeNamed(key: Buffer, bytes: Buffer): NamedFile[] {
  const [own, lines] = decode<[string, NamedLine[]]>(bytes);
  if (own !== key.toString("latin1")) throw new IndexDamage("a key is not the one of its value");
  return lines.map(([path, real, line]) =>
    line === undefined ? [path, real] : [path, real, line && asFacts(line)],
  );
}

type FactsLine = [path: string, facts: Omit<Facts, "entry"> & { entry: string }];

/** `path` keeps its place among the fields. */
function asLine(facts: Facts): FactsLine {
  return [facts.path, { ...facts, path: "", entry: facts.entry.toString() }];
}

function asFacts([path, facts]: FactsLine): Facts {
  return { ...facts, path, entry: BigInt(facts.entry) };
}

function lineAt(bytes: Buffer, start: number): unknown {
  const end = bytes.indexOf("\n", start);
  const tab = end === -1 ? -1 : bytes.lastIndexOf("\t", end);
  if (tab < start) throw new IndexDamage("a line is cut short");
  const expected = bytes.toString("latin1", tab + 1, end);
  if (checksum(bytes, start, tab).toString(16) !== expected)
    throw new IndexDamage("a checksum is wrong");
  return JSON.parse(bytes.toString("utf8", start, tab));
}

/** FNV-1a, 32 bits: against chance, not malice, as the index is its owner's own. */
function checksum(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}
