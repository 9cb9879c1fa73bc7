// ld.so.cache as ldconfig never writes it: in the old format, or with entries in no order.

export interface CacheEntry {
  name: string;
  path: string;
  /** Default: x86-64's. */
  flags?: number;
  hwcap?: bigint;
}

const newHeader = 48;
const newEntry = 24;
const oldHeader = 16;
const oldEntry = 12;

/** For a little-endian machine with 64 bits; the entries stay in the given order. */
export function cacheBytes(entries: CacheEntry[], format: "new" | "old" | "both" = "new"): Buffer {
  if (format === "new") return newFormat(entries);
  const tableEnd = oldHeader + entries.length * oldEntry;
  const behind = format === "both" ? newFormat(entries) : Buffer.alloc(0);
  const padding = format === "both" ? (8 - (tableEnd % 8)) % 8 : 0;
  const head = Buffer.alloc(tableEnd + padding);
  head.write("ld.so-1.7.0", 0);
  head.writeUInt32LE(entries.length, 12);
  const strings = new Strings(format === "both" ? padding + behind.length : 0);
  entries.forEach(({ name, path, flags = 0x303 }, index) => {
    const at = oldHeader + index * oldEntry;
    head.writeUInt32LE(flags, at);
    head.writeUInt32LE(strings.add(name), at + 4);
    head.writeUInt32LE(strings.add(path), at + 8);
  });
  return Buffer.concat([head, behind, strings.bytes()]);
}

function newFormat(entries: CacheEntry[]): Buffer {
  const head = Buffer.alloc(newHeader + entries.length * newEntry);
  head.write("glibc-ld.so.cache1.1", 0);
  head.writeUInt32LE(entries.length, 20);
  head.writeUInt8(2, 28);
  const strings = new Strings(head.length);
  entries.forEach(({ name, path, flags = 0x303, hwcap = 0n }, index) => {
    const at = newHeader + index * newEntry;
    head.writeUInt32LE(flags, at);
    head.writeUInt32LE(strings.add(name), at + 4);
    head.writeUInt32LE(strings.add(path), at + 8);
    head.writeBigUInt64LE(hwcap, at + 16);
  });
  const texts = strings.bytes();
  head.writeUInt32LE(texts.length, 24);
  return Buffer.concat([head, texts]);
}

class Strings {
  readonly #texts: string[] = [];
  #end: number;

  constructor(start: number) {
    this.#end = start;
  }
  add(text: string): number {
    const at = this.#end;
    this.#texts.push(`${text}\0`);
    this.#end += text.length + 1;
    return at;
  }
  bytes(): Buffer {
    return Buffer.from(this.#texts.join(""), "latin1");
  }
}
