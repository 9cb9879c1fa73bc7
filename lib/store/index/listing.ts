// Two listings of a store's top directory, and their differences. They are compared as bytes (native/scan/listing.hpp),
// because a store has tens of thousands of entries, hardly any of which have changed.

export interface Entry {
  name: string;
  inode: string;
  /** Nix holds a lock file beside it. */
  locked: boolean;
}

export interface Difference {
  added: Entry[];
  /** Includes those that now have another inode: `nix-store --repair` puts a new one in place. */
  gone: string[];
}

/** What the second listing has that the first does not, and the reverse. */
export function differenceOf(known: Buffer, listing: Buffer): Difference {
  const start = lineStart(known, commonLength(known, listing));
  const tail = commonTail(known.subarray(start), listing.subarray(start));
  const before = entriesOf(known.subarray(start, known.length - tail));
  const after = entriesOf(listing.subarray(start, listing.length - tail));
  const isIn = (entries: Map<string, Entry>, { name, inode }: Entry) =>
    entries.get(name)?.inode === inode;
  return {
    added: [...after.values()].filter((entry) => !isIn(before, entry)),
    gone: [...before.values()].filter((entry) => !isIn(after, entry)).map(({ name }) => name),
  };
}

export function entriesOf(listing: Buffer): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const line of listing.toString("latin1").split("\n")) {
    const [name, inode, lock] = line.split("\t");
    if (name && inode) entries.set(name, { name, inode, locked: lock !== undefined });
  }
  return entries;
}

/** Locks are left out: a lock does not make a known path a different one. */
export function listingOf(entries: Iterable<Entry>): Buffer {
  const lines = [...entries]
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, inode }) => `${name}\t${inode}\n`);
  return Buffer.from(lines.join(""), "latin1");
}

const block = 4096;

function commonLength(one: Buffer, other: Buffer): number {
  const end = Math.min(one.length, other.length);
  let at = 0;
  while (at + block <= end && one.compare(other, at, at + block, at, at + block) === 0) at += block;
  while (at < end && one[at] === other[at]) at++;
  return at;
}

function lineStart(listing: Buffer, at: number): number {
  return at === 0 ? 0 : listing.lastIndexOf("\n", at - 1) + 1;
}

/** The length of the whole lines at the end that both share. */
function commonTail(one: Buffer, other: Buffer): number {
  const end = Math.min(one.length, other.length);
  let size = 0;
  while (size + block <= end && tailBlock(one, size).equals(tailBlock(other, size))) size += block;
  while (size < end && one[one.length - size - 1] === other[other.length - size - 1]) size++;
  if (beginsLine(one, size) && beginsLine(other, size)) return size;
  const newline = one.indexOf("\n", one.length - size);
  return newline === -1 ? 0 : one.length - newline - 1;
}

/** The block before the last `size` bytes. */
function tailBlock(listing: Buffer, size: number): Buffer {
  const end = listing.length - size;
  return listing.subarray(end - block, end);
}

/** Whether the last `size` bytes begin with a line. */
function beginsLine(listing: Buffer, size: number): boolean {
  return size === listing.length || listing[listing.length - size - 1] === 0x0a;
}
