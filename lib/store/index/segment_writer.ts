// Writes an index file as segment.ts reads it: facts as they arrive, so that they take no memory, and the tables that
// lead to them at the end.
import { checksum } from "./checksum.js";
import { type BlockPlace, encodeFacts, type StoredFile, type StorePathContent } from "./format.js";
import type { NewFile } from "./own_directory.js";
import { type Block, type Entry, type Footer, type Segment, trailerOf } from "./segment.js";

/** Bytes of names that are read to find one of them. */
const blockSize = 16 << 10;

/** Bytes in one write. */
const writeSize = 1 << 20;

interface Line {
  name: string;
  storePath: string;
  text: string;
}

export class SegmentWriter {
  readonly #file: NewFile;
  readonly #lines: Line[] = [];
  #waiting: Buffer[] = [];
  #waitingSize = 0;
  #offset = 0;

  constructor(file: NewFile) {
    this.#file = file;
  }

  /** @throws FixelfError `no-space` or `io` */
  add({ name: storePath, libraries, elf }: StorePathContent): void {
    const places = new Map(elf.map((facts) => [facts.path, this.put(encodeFacts(facts))]));
    const byName = new Map<string, StoredFile[]>();
    for (const { name, path, real } of libraries) {
      const place = real === null ? undefined : places.get(real);
      const file: StoredFile =
        place === undefined ? [path, real] : [path, real as string, ...place];
      const files = byName.get(name);
      if (files) files.push(file);
      else byName.set(name, [file]);
    }
    for (const [name, files] of byName) this.#line([name, storePath, files]);
  }

  /** Copies the store paths to be kept from another segment. @throws FixelfError, IndexDamage */
  copy(from: Segment, isKept: (storePath: string) => boolean): void {
    const moved = new Map<number, BlockPlace>();
    for (const [name, storePath, files] of from.allEntries()) {
      if (!isKept(storePath)) continue;
      const copied = files.map((file): StoredFile => {
        if (file.length === 2) return file;
        const [path, real, ...place] = file;
        let here = moved.get(place[0]);
        if (here === undefined) {
          here = this.put(from.block(place));
          moved.set(place[0], here);
        }
        return [path, real, ...here];
      });
      this.#line([name, storePath, copied]);
    }
  }

  /** @throws FixelfError `no-space` or `io` */
  put(bytes: Buffer): BlockPlace {
    const place: BlockPlace = [this.#offset, bytes.length, checksum(bytes)];
    this.#waiting.push(bytes);
    this.#offset += bytes.length;
    this.#waitingSize += bytes.length;
    if (this.#waitingSize >= writeSize) this.#flush();
    return place;
  }

  /** Writes the rest. @throws FixelfError `no-space` or `io` */
  finish(about: unknown): void {
    const footer: Footer = { blocks: this.#blocks(), about };
    this.put(trailerOf(this.put(Buffer.from(JSON.stringify(footer)))));
    this.#flush();
  }

  #line(entry: Entry): void {
    const [name, storePath] = entry;
    this.#lines.push({ name, storePath, text: `\n${JSON.stringify(entry)}` });
  }

  #blocks(): Block[] {
    this.#lines.sort(
      (one, other) => order(one.name, other.name) || order(one.storePath, other.storePath),
    );
    const blocks: Block[] = [];
    let lines: Line[] = [];
    let size = 0;
    const cut = () => {
      const [first] = lines;
      if (first === undefined) return;
      const bytes = Buffer.from(lines.map(({ text }) => text).join(""));
      blocks.push([first.name, ...this.put(bytes)]);
      lines = [];
      size = 0;
    };
    for (const line of this.#lines) {
      lines.push(line);
      size += line.text.length;
      if (size >= blockSize) cut();
    }
    cut();
    return blocks;
  }

  #flush(): void {
    this.#file.write(Buffer.concat(this.#waiting));
    this.#waiting = [];
    this.#waitingSize = 0;
  }
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
