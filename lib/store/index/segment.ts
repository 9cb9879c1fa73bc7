// One file of the index: immutable, read by plain reads, with every byte that is used covered by a checksum.
//
//     facts      of one ELF file each, as JSON, in any order
//     blocks     of entries, sorted by name and store path, each on a line of its own that begins with its
//                line break: [name, store path, [[path, real, place of its facts]…]]
//     others     whatever the footer's `about` locates
//     footer     JSON: the first name of each block with its place, and `about`
//     trailer    magic with the format's version, and the place of the footer
//
// A search reads the trailer, the footer, the block that holds the name, and the facts of the files with that name.
// It stores rows, not columns as a scan does: a question is about all facts of a few files. (With a mapped file, a full
// disk or a truncated file would end the process with SIGBUS.)
import { checksum } from "./checksum.js";
import { IndexDamage } from "./damage.js";
import {
  type BlockPlace,
  decodeFacts,
  formatVersion,
  type NamedFile,
  parsed,
  type StoredFile,
} from "./format.js";
import type { OwnFile } from "./own_directory.js";

const trailerSize = 24;

export interface Footer {
  blocks: Block[];
  about: unknown;
}

/** A block, identified by the name of its first entry. */
export type Block = [first: string, ...place: BlockPlace];

/** The files with one name in one store path. */
export type Entry = [name: string, storePath: string, files: StoredFile[]];

export function trailerOf([offset, size, sum]: BlockPlace): Buffer {
  const bytes = Buffer.alloc(trailerSize);
  bytes.write("fixelf");
  bytes.writeUInt16LE(formatVersion, 6);
  bytes.writeUIntLE(offset, 8, 6);
  bytes.writeUInt32LE(size, 16);
  bytes.writeUInt32LE(sum, 20);
  return bytes;
}

export class Segment {
  readonly about: unknown;
  readonly #file: OwnFile;
  readonly #blocks: readonly Block[];
  /** Those already read: the names of one program's libraries are often neighbours. */
  readonly #texts = new Map<Block, string>();

  /** @throws IndexDamage */
  constructor(file: OwnFile) {
    this.#file = file;
    const { blocks, about } = parsed<Footer>(this.block(this.#footerPlace()).toString());
    this.#blocks = blocks;
    this.about = about;
  }

  /** Bytes. */
  get size(): number {
    return this.#file.size;
  }

  close(): void {
    this.#file.close();
  }

  /** What each store path has under that name. @throws IndexDamage */
  *entries(name: string): Generator<Entry> {
    const beginning = `\n[${JSON.stringify(name)},`;
    for (let at = this.#firstBlock(name); at < this.#blocks.length; at++) {
      const block = this.#blocks[at] as Block;
      if (block[0] > name) return;
      const text = this.#text(block);
      let start = text.indexOf(beginning);
      for (
        ;
        start !== -1 && text.startsWith(beginning, start);
        start = text.indexOf("\n", start + 1)
      )
        yield parsed<Entry>(lineAt(text, start));
    }
  }

  /** All of them, or those whose names begin with the given text, in order. @throws IndexDamage */
  *allEntries(beginning = ""): Generator<Entry> {
    for (let at = this.#firstBlock(beginning); at < this.#blocks.length; at++) {
      const block = this.#blocks[at] as Block;
      if (block[0] > beginning && !block[0].startsWith(beginning)) return;
      const text = this.#text(block);
      for (let start = 0; start !== -1; start = text.indexOf("\n", start + 1)) {
        const entry = parsed<Entry>(lineAt(text, start));
        if (entry[0].startsWith(beginning)) yield entry;
      }
    }
  }

  /** With its facts, if the segment may have them. @throws IndexDamage */
  named([path, real, ...place]: StoredFile): NamedFile {
    if (real === null) return [path, real];
    return [path, real, place.length === 0 ? null : decodeFacts(this.block(place as BlockPlace))];
  }

  /** @throws IndexDamage */
  block([offset, size, sum]: BlockPlace): Buffer {
    const bytes = this.#file.read(offset, size);
    if (checksum(bytes) !== sum) throw new IndexDamage(`a checksum of ${this.#file.name} is wrong`);
    return bytes;
  }

  /** The last block that begins before the name; the name may be at its end. */
  #firstBlock(name: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#blocks[middle] as Block)[0] < name) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #text(block: Block): string {
    let text = this.#texts.get(block);
    if (text === undefined) {
      const [, ...place] = block;
      text = this.block(place).toString();
      this.#texts.set(block, text);
    }
    return text;
  }

  #footerPlace(): BlockPlace {
    const trailer = this.#file.read(this.#file.size - trailerSize, trailerSize);
    if (trailer.toString("latin1", 0, 6) !== "fixelf")
      throw new IndexDamage(`${this.#file.name} is no file of the index`);
    const version = trailer.readUInt16LE(6);
    if (version !== formatVersion)
      throw new IndexDamage(`it has format ${version}, and this is format ${formatVersion}`);
    return [trailer.readUIntLE(8, 6), trailer.readUInt32LE(16), trailer.readUInt32LE(20)];
  }
}

/** The line at `start`; lines begin with their line break. */
function lineAt(text: string, start: number): string {
  const end = text.indexOf("\n", start + 1);
  return text.slice(start + 1, end === -1 ? text.length : end);
}
