// What the kernel, an emulator and a loader read from a file. Tools that rewrite it often change only sections, which
// none of them reads: such a file needs no run of its own.
import { createHash } from "node:crypto";

const PT_LOAD = 1;
const page = 4096;

/**
 * A digest of the ELF header except its section fields, the program headers and the segments, with what is mapped after
 * a segment because it is in the same page.
 */
export function digestOfLoaded(file: Uint8Array): string {
  const bytes = Buffer.from(file);
  const wide = bytes[4] === 2; // EI_CLASS
  const little = bytes[5] === 1; // EI_DATA
  const half = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const word = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const address = (at: number) =>
    wide ? Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)) : word(at);
  const range = (start: number, size: number) => bytes.subarray(start, start + size);

  // <elf.h>, Elf32_Ehdr and Elf64_Ehdr: e_shoff; e_shentsize, e_shnum and e_shstrndx are the last.
  const headerSize = wide ? 64 : 52;
  const table = address(wide ? 32 : 28);
  const entrySize = half(wide ? 54 : 42);
  const entries = half(wide ? 56 : 44);
  range(wide ? 40 : 32, wide ? 8 : 4).fill(0);
  range(headerSize - 6, 6).fill(0);

  const hash = createHash("sha256").update(range(0, headerSize));
  hash.update(range(table, entries * entrySize));
  for (let at = table; at < table + entries * entrySize; at += entrySize) {
    const start = address(at + (wide ? 8 : 4));
    const inFile = address(at + (wide ? 32 : 16));
    const inMemory = address(at + (wide ? 40 : 20));
    hash.update(range(start, inFile));
    // Where a segment goes on in memory, the kernel clears the rest of the page; past the file's
    // end it is zero.
    if (word(at) !== PT_LOAD || inMemory > inFile) continue;
    const rest = Buffer.alloc(page);
    range(start + inFile, (page - ((start + inFile) % page)) % page).copy(rest);
    hash.update(rest);
  }
  return hash.digest("hex");
}
