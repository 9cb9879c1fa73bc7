// An ld.so.cache (elf/dl-cache.h of glibc): which file a soname is, for a loader that consults nothing else. It is read
// after a file's own search path and before the default directories, needs no variable that children would see, and
// leaves libraries where they are.
import { bufferOf } from "../base/bytes.js";
import { FixelfError } from "../base/errors.js";
import { describeMachine, type Machine } from "../file/machine.js";

const magic = "glibc-ld.so.cache1.1";
const headerSize = 48;
const entrySize = 24;

/** @throws FixelfError `unsupported` for machines whose entries are not known here */
export function libraryCache(libraries: ReadonlyMap<string, string>, machine: Machine): Buffer {
  const little = machine.byteOrder === "little-endian";
  const flags = flagsOf(machine);
  // The loader searches by bisection, and requires descending order.
  const sorted = [...libraries].sort(([first], [second]) => compareSonames(second, first));
  const start = headerSize + sorted.length * entrySize;
  const texts: Buffer[] = [];
  let end = start;
  const place = (text: string): number => {
    const bytes = bufferOf(`${text}\0`);
    texts.push(bytes);
    end += bytes.length;
    return end - bytes.length;
  };
  const table = Buffer.alloc(start);
  const putNumber = (value: number, at: number) =>
    little ? table.writeUInt32LE(value, at) : table.writeUInt32BE(value, at);
  table.write(magic, "latin1");
  putNumber(sorted.length, 20);
  table[28] = little ? 2 : 3; // cache_file_new_flags_endian_*
  for (const [index, [soname, path]] of sorted.entries()) {
    const at = headerSize + index * entrySize;
    putNumber(flags, at);
    putNumber(place(soname), at + 4);
    putNumber(place(path), at + 8);
  }
  putNumber(end - start, 24);
  return Buffer.concat([table, ...texts]);
}

/** FLAG_ELF_LIBC6 and the machine's own (sysdeps/generic/ldconfig.h). */
function flagsOf(machine: Machine): number {
  const wide = machine.class === "ELF64";
  const known: Record<string, number | undefined> = {
    "x86-64": wide ? 0x0303 : 0x0803,
    i386: 0x0003,
    aarch64: 0x0a03,
    arm: 0x0903, // hard float
    ppc64: 0x0503,
    riscv: 0x1003, // double float
    s390: wide ? 0x0403 : 0x0003,
  };
  const flags = known[machine.machine];
  if (flags !== undefined) return flags;
  const message = `fixelf can't write a library cache for ${describeMachine(machine)}`;
  throw new FixelfError("unsupported", message);
}

/** `_dl_cache_libcmp`: digits compare as numbers, and sort after everything else. */
export function compareSonames(first: string, second: string): number {
  const one = bufferOf(first);
  const two = bufferOf(second);
  let atOne = 0;
  let atTwo = 0;
  while (atOne < one.length) {
    const left = one[atOne] ?? 0;
    const right = two[atTwo] ?? 0;
    if (isDigit(left) && isDigit(right)) {
      let leftNumber = 0;
      let rightNumber = 0;
      // As C does with an int.
      for (; isDigit(one[atOne]); atOne++)
        leftNumber = (Math.imul(leftNumber, 10) + (one[atOne] ?? 0) - 0x30) | 0;
      for (; isDigit(two[atTwo]); atTwo++)
        rightNumber = (Math.imul(rightNumber, 10) + (two[atTwo] ?? 0) - 0x30) | 0;
      if (leftNumber !== rightNumber) return leftNumber < rightNumber ? -1 : 1;
    } else if (isDigit(left) || isDigit(right)) {
      return isDigit(left) ? 1 : -1;
    } else if (left !== right) {
      return left - right;
    } else {
      atOne++;
      atTwo++;
    }
  }
  return atTwo < two.length ? -1 : 0;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
