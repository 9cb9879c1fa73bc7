// The files that are fixed: real ones from this machine, copied afresh for each turn.
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));
const sharedObject = 3; // ET_DYN
const interpreterSegment = 3; // PT_INTERP

/** Originals, which are only read, and a description of them. */
export class Material {
  constructor(what, originals) {
    this.originals = originals;
    this.bytes = originals.reduce((sum, path) => sum + lstatSync(path).size, 0);
    this.description = `${what}, ${(this.bytes / 1e6).toFixed(1)} MB in all`;
  }

  /**
   * The largest program among this Node, the test worlds' (where built) and those in node_modules.
   */
  static largestProgram() {
    const world = execFileSync(join(repository, "test/world/locate"), { encoding: "utf8" }).trim();
    // A world built from another state of the recipe will do as well.
    const worlds = existsSync(dirname(world)) ? readdirSync(dirname(world)) : [];
    const candidates = [
      process.execPath,
      ...worlds.map((name) => join(dirname(world), name, "programs/node/bin/node")),
      ...findBelow(join(repository, "node_modules")),
    ];
    const [largest] = candidates
      .filter((path) => existsSync(path))
      .map((path) => realpathSync(path))
      .filter((path) => lstatSync(path).isFile() && readHeaders(path)?.hasInterpreter)
      .sort((a, b) => lstatSync(b).size - lstatSync(a).size);
    return new Material(`1 file, a copy of ${largest}`, [largest]);
  }

  /**
   * A program with an unmapped section of so many bytes, like debug information. Made in
   * `directory`: a copy of this Node whose .comment is at the end, before the section headers.
   */
  static giant(bytes, directory) {
    const path = join(directory, "giant");
    copyFileSync(process.execPath, path);
    const file = openSync(path, "r+");
    const header = Buffer.alloc(64);
    readSync(file, header, 0, 64, 0);
    const tableSize = header.readUInt16LE(58) * header.readUInt16LE(60);
    const table = Buffer.alloc(tableSize);
    readSync(file, table, 0, tableSize, Number(header.readBigUInt64LE(40)));
    const start = lstatSync(path).size;
    const filler = Buffer.alloc(1 << 24, "not much to say, but a lot of it\n");
    for (let at = 0; at < bytes; at += filler.length) {
      writeSync(file, filler, 0, filler.length, start + at);
    }
    const last = table.length - 64 * 1;
    for (let at = last; at >= 64; at -= 64) {
      // The last one that is neither mapped nor the section names.
      const isNames = at === header.readUInt16LE(62) * 64;
      if (table.readBigUInt64LE(at + 8) !== 0n || isNames) continue;
      table.writeUInt32LE(1, at + 4); // SHT_PROGBITS
      table.writeBigUInt64LE(BigInt(start), at + 24);
      table.writeBigUInt64LE(BigInt(bytes), at + 32);
      table.writeUInt32LE(0, at + 40);
      table.writeUInt32LE(0, at + 44);
      table.writeBigUInt64LE(0n, at + 56);
      break;
    }
    writeSync(file, table, 0, tableSize, start + bytes);
    header.writeBigUInt64LE(BigInt(start + bytes), 40);
    writeSync(file, header, 0, 64, 0);
    closeSync(file);
    return new Material("1 file, a copy of this Node with a section as of debug information", [
      path,
    ]);
  }

  /**
   * The distribution's shared libraries below a size limit, spread evenly over their names. A few giants would make
   * this a second measurement of large files.
   */
  static sharedLibraries(count, limit = 16e6) {
    const triplet = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch];
    const directories = [`/usr/lib/${triplet}`, "/usr/lib64", "/run/current-system/sw/lib"];
    const directory = directories.find((path) => existsSync(path)) ?? "/usr/lib";
    const usable = [...new Set(findBelow(directory, /\.so(\.|$)/))]
      .filter((path) => lstatSync(path).size < limit)
      .filter((path) => readHeaders(path)?.type === sharedObject)
      .sort();
    const step = Math.max(1, usable.length / count);
    const length = Math.min(count, usable.length);
    const chosen = Array.from({ length }, (_, index) => usable[Math.floor(index * step)]);
    return new Material(`${length} files, copies of libraries from ${directory}`, chosen);
  }

  /** Makes fresh copies, on disk and in the page cache; returns their paths. */
  copyTo(directory) {
    mkdirSync(directory, { recursive: true });
    const copies = this.originals.map((original, index) => {
      const copy = join(directory, `${index}-${basename(original)}`);
      copyFileSync(original, copy);
      return copy;
    });
    execFileSync("chmod", ["u+rw", "--", ...copies]);
    execFileSync("sync", ["-f", directory]);
    return copies;
  }
}

/** Regular files directly in the directory if a pattern is given, otherwise in the whole tree. */
function findBelow(directory, pattern) {
  const depth = pattern ? ["-maxdepth", "1"] : ["-size", "+1024k"];
  const found = execFileSync("find", [directory, ...depth, "-type", "f", "-print0"], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return found.split("\0").filter((path) => path && (!pattern || pattern.test(basename(path))));
}

/** The fields needed from a 64-bit little-endian ELF file's headers; null for any other file. */
function readHeaders(path) {
  const bytes = Buffer.alloc(4096);
  const file = openSync(path, "r");
  const length = readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  if (length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    return null;
  }
  const table = Number(bytes.readBigUInt64LE(32));
  const entries = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => table + index * 56);
  const hasInterpreter = entries.some(
    (at) => at + 4 <= length && bytes.readUInt32LE(at) === interpreterSegment,
  );
  return { type: bytes.readUInt16LE(16), hasInterpreter };
}
