// Reads an LMDB file with plain reads: no mapping, no addon.
//
// The `lmdb` package writes the index, but two things keep it from reading it. Its JavaScript takes
// half as long to load as Node itself, and a mapped file that is damaged or was cut short ends the
// process (SIGBUS, or an assertion in mdb.c). Here every offset is checked, and damage is an error.
//
// The format is that of LMDB's mdb.c: MDB_meta, MDB_page_header, MDB_node, MDB_ovpage, with 64-bit
// page numbers. A writer never overwrites a page of the newest committed snapshot, so what was read
// is sound if the same snapshot is still the newest one afterwards; else it is read again.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The file is no index, or a damaged one. */
export class IndexDamage extends Error {}

const magic = 0xbeefc0de;
/** MDB_DATA_VERSION of the version that package.json pins; others lay pages out otherwise. */
const dataVersion = 2;
/** Bytes; MDB_page_header. */
const headerSize = 24;
/** Bytes; MDB_meta. */
const metaSize = 136;
/** Bytes; MDB_node without its key. */
const nodeSize = 8;
/** More levels than 2^48 pages can have. */
const deepest = 32;
/** Bytes; no value of the index is larger. */
const largestValue = 1 << 30;
const timesToTry = 100;

const pageFlags = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
const nodeFlags = { big: 1 } as const;
const noPage = 0xffff_ffff_ffff_ffffn;

interface Snapshot {
  pageSize: number;
  lastPage: number;
  /** null where there is nothing in it. */
  root: number | null;
  transaction: bigint;
}

const nothing: Snapshot = { pageSize: 0, lastPage: 0, root: null, transaction: 0n };

interface Page {
  bytes: Buffer;
  isLeaf: boolean;
  count: number;
}

/** Closes what nobody closed. */
const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/** A file that is open for reading. */
export class Pages {
  readonly #descriptor: number;
  readonly #known = new Map<number, Page>();
  #snapshot: Snapshot = nothing;
  /** Both heads (meta pages), as they were when the snapshot was taken. */
  #heads: Buffer = Buffer.alloc(0);
  /** Room to read them again. */
  #headsNow: Buffer = Buffer.alloc(0);

  /** @throws IndexDamage; ENOENT and the like as Node has them */
  constructor(path: string) {
    this.#descriptor = openSync(path, "r");
    try {
      this.#moveToNewest();
    } catch (failure) {
      closeSync(this.#descriptor);
      throw failure;
    }
    forgotten.register(this, this.#descriptor, this);
  }

  close(): void {
    if (forgotten.unregister(this)) closeSync(this.#descriptor);
  }

  /** The value of a key; null without one. */
  get(key: Buffer): Buffer | null {
    return this.#consistently(() => {
      for (const [, value] of this.#from(key, (found) => found.equals(key))) return value();
      return null;
    });
  }

  /** All keys that begin so, in order, with their values where `wanted`. */
  beginningWith(prefix: Buffer): [key: Buffer, value: Buffer][] {
    return this.#consistently(() => {
      const all: [Buffer, Buffer][] = [];
      for (const [key, value] of this.#from(prefix, (found) => begins(found, prefix)))
        all.push([key, value()]);
      return all;
    });
  }

  /** The keys alone: large values are left on the disk. */
  keysBeginningWith(prefix: Buffer): Buffer[] {
    return this.#consistently(() =>
      [...this.#from(prefix, (found) => begins(found, prefix))].map(([key]) => key),
    );
  }

  /** Reads every page of the tree, in order to find damage. */
  check(visit: (key: Buffer, value: Buffer) => void): void {
    this.#consistently(() => {
      for (const [key, value] of this.#from(Buffer.alloc(0), () => true)) visit(key, value());
    });
  }

  /** Runs it again for as long as writers come in between. */
  #consistently<T>(read: () => T): T {
    let failure: unknown = new IndexDamage("other processes change it too often to be read");
    for (let time = 0; time < timesToTry; time++) {
      let result: { value: T } | undefined;
      try {
        result = { value: read() };
      } catch (thrown) {
        failure = thrown;
      }
      // What looked like damage may have been pages that were used anew meanwhile.
      if (!this.#areHeadsTheSame()) {
        this.#known.clear();
        this.#moveToNewest();
        continue;
      }
      if (result === undefined) throw failure;
      return result.value;
    }
    throw failure;
  }

  /** [key, its value when asked for] from the first key that is not less, while they fit. */
  *#from(
    first: Buffer,
    fits: (key: Buffer) => boolean,
  ): Generator<[key: Buffer, value: () => Buffer]> {
    if (this.#snapshot.root !== null) yield* this.#below(this.#snapshot.root, first, fits, 0);
  }

  *#below(
    number: number,
    first: Buffer,
    fits: (key: Buffer) => boolean,
    depth: number,
  ): Generator<[Buffer, () => Buffer], boolean> {
    if (depth > deepest) throw new IndexDamage("its tree goes in circles");
    const page = this.#page(number);
    let start = firstNotLess(page, first);
    // A branch's key is the least of what is below it, and its first one is no key at all.
    if (!page.isLeaf && (start === page.count || !keyOf(page, start).equals(first)))
      start = Math.max(0, start - 1);
    for (let index = start; index < page.count; index++) {
      if (!page.isLeaf) {
        if (!(yield* this.#below(childOf(page, index), first, fits, depth + 1))) return false;
        continue;
      }
      const key = keyOf(page, index);
      if (!fits(key)) return false;
      yield [key, () => this.#valueOf(page, index)];
    }
    return true;
  }

  #valueOf(page: Page, index: number): Buffer {
    const node = nodeAt(page, index);
    const { bytes } = page;
    const size = bytes.readUInt16LE(node) + bytes.readUInt16LE(node + 2) * 0x10000;
    const start = node + nodeSize + bytes.readUInt16LE(node + 6);
    if ((bytes.readUInt16LE(node + 4) & nodeFlags.big) === 0) return slice(bytes, start, size);
    if (size > largestValue) throw new IndexDamage("a value is larger than any can be");
    const overflow = pageNumber(slice(bytes, start, 8).readBigUInt64LE());
    const whole = this.#read(overflow, headerSize + size);
    if ((whole.readUInt16LE(18) & pageFlags.overflow) === 0)
      throw new IndexDamage(`page ${overflow} holds no value`);
    return whole.subarray(headerSize);
  }

  #page(number: number): Page {
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    const bytes = this.#read(number, this.#snapshot.pageSize);
    const flags = bytes.readUInt16LE(18);
    const lower = bytes.readUInt16LE(20);
    const isLeaf = (flags & pageFlags.leaf) !== 0;
    if (Number(bytes.readBigUInt64LE()) !== number)
      throw new IndexDamage(`page ${number} says that it is another`);
    if (isLeaf === ((flags & pageFlags.branch) !== 0) || lower % 2 !== 0)
      throw new IndexDamage(`page ${number} is none of the tree`);
    if (headerSize + lower > bytes.length)
      throw new IndexDamage(`page ${number} has more keys than room`);
    const page = { bytes, isLeaf, count: lower / 2 };
    for (let index = isLeaf ? 1 : 2; index < page.count; index++) {
      if (keyOf(page, index - 1).compare(keyOf(page, index)) >= 0)
        throw new IndexDamage(`page ${number} is out of order`);
    }
    this.#known.set(number, page);
    return page;
  }

  #read(number: number, size: number): Buffer {
    const { pageSize, lastPage } = this.#snapshot;
    if (number < 2 || number + Math.ceil(size / pageSize) - 1 > lastPage)
      throw new IndexDamage(`page ${number} lies outside of it`);
    return this.#readAt(number * pageSize, size);
  }

  #readAt(offset: number, size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    if (readSync(this.#descriptor, bytes, 0, size, offset) !== size)
      throw new IndexDamage("it ends too early");
    return bytes;
  }

  #areHeadsTheSame(): boolean {
    const size = readSync(this.#descriptor, this.#headsNow, 0, this.#heads.length, 0);
    return size === this.#heads.length && this.#headsNow.equals(this.#heads);
  }

  #moveToNewest(): void {
    const pageSize = pageSizeOf(this.#readAt(0, headerSize + metaSize));
    for (let time = 0; time < timesToTry; time++) {
      const heads = this.#readAt(0, pageSize + headerSize + metaSize);
      // A writer may be at it: only what reads the same twice is whole.
      if (!this.#readAt(0, heads.length).equals(heads)) continue;
      const [one, other] = [snapshotOf(heads), snapshotOf(heads.subarray(pageSize))];
      const newest = one.transaction > other.transaction ? one : other;
      const { size } = fstatSync(this.#descriptor);
      if (one.pageSize !== other.pageSize) throw new IndexDamage("its two heads disagree");
      if ((newest.lastPage + 1) * pageSize > size) throw new IndexDamage("it ends too early");
      this.#heads = heads;
      this.#headsNow = Buffer.alloc(heads.length);
      this.#snapshot = newest;
      return;
    }
    throw new IndexDamage("other processes change it too often to be read");
  }
}

function pageSizeOf(meta: Buffer): number {
  const pageSize = meta.readUInt32LE(headerSize + 24);
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0)
    throw new IndexDamage(`its pages would have ${pageSize} bytes`);
  return pageSize;
}

function snapshotOf(page: Buffer): Snapshot {
  const meta = page.subarray(headerSize);
  if (meta.readUInt32LE(0) !== magic || (page.readUInt16LE(18) & pageFlags.meta) === 0)
    throw new IndexDamage("it is no LMDB file");
  if ((meta.readUInt32LE(4) & 0xffff) !== dataVersion)
    throw new IndexDamage("it was written by another version of LMDB");
  // mm_dbs[1], the tree of the data, follows mm_dbs[0], that of free pages; 48 bytes each.
  const root = meta.readBigUInt64LE(24 + 48 + 40);
  return {
    pageSize: pageSizeOf(page),
    lastPage: pageNumber(meta.readBigUInt64LE(120)),
    root: root === noPage ? null : pageNumber(root),
    transaction: meta.readBigUInt64LE(128),
  };
}

function pageNumber(number: bigint): number {
  if (number > 0xffff_ffff_ffffn) throw new IndexDamage(`page ${number} lies outside of it`);
  return Number(number);
}

/** The index of the first key that is not less; a branch's first key counts as the least. */
function firstNotLess(page: Page, key: Buffer): number {
  let low = page.isLeaf ? 0 : 1;
  let high = page.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(page, middle).compare(key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nodeAt({ bytes }: Page, index: number): number {
  // Offsets count from the end of the header (PAGEBASE).
  const node = headerSize + bytes.readUInt16LE(headerSize + 2 * index);
  if (node + nodeSize > bytes.length) throw new IndexDamage("a key lies outside of its page");
  return node;
}

function keyOf(page: Page, index: number): Buffer {
  const node = nodeAt(page, index);
  return slice(page.bytes, node + nodeSize, page.bytes.readUInt16LE(node + 6));
}

function childOf(page: Page, index: number): number {
  const node = nodeAt(page, index);
  return page.bytes.readUIntLE(node, 6);
}

function slice(bytes: Buffer, start: number, size: number): Buffer {
  if (size > bytes.length - start) throw new IndexDamage("a value lies outside of its page");
  return bytes.subarray(start, start + size);
}

function begins(key: Buffer, prefix: Buffer): boolean {
  return key.length >= prefix.length && key.subarray(0, prefix.length).equals(prefix);
}
