// ELF objects for the cases. gcc links a few moulds for each machine, with room in their dynamic
// table and string table; an object is a mould with its own names written into it. So a case needs
// no linker, and may contain what no linker would produce.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileWith } from "../support/compile.js";
import { scratchDirectory } from "../support/scratch.js";
import type { Machine } from "./machines.js";

/** What an object declares. Unless it is a `program`, it is a library. */
export interface ObjectSpec {
  program?: boolean;
  soname?: string;
  needed?: string[];
  rpath?: string;
  runpath?: string;
  auxiliary?: string[];
  filter?: string[];
  /** DT_AUXILIARY and DT_FILTER come before DT_NEEDED, as lld writes them. */
  filtersFirst?: boolean;
  /** DT_RELR, with an empty table. */
  packedRelocations?: boolean;
  /** Bits of DT_FLAGS_1. */
  flags1?: number;
  /** Versions that it defines. */
  defines?: string[];
  /** Versions that it needs, by library; needed besides `needed`. */
  versions?: Record<string, string[]>;
  /** The needed versions are weak. */
  weak?: boolean;
  /** More options for the linker, such as "-z", "x86-64-v4". */
  link?: string[];
  /** For another machine than the case's. */
  machine?: Machine["name"];
  /** Bytes to overwrite, by offset. */
  patch?: Record<number, number>;
  /** Permissions; 0o755 if not given. */
  mode?: number;
}

const tags = {
  needed: 1n,
  soname: 14n,
  rpath: 15n,
  runpath: 29n,
  auxiliary: 0x7ffffffdn,
  filter: 0x7fffffffn,
  flags1: 0x6ffffffbn,
};
/** A program that is really run prints what is then mapped, and ends. It has no libc for that. */
const start = `
#ifdef __x86_64__
static long call(long number, long first, long second, long third) {
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third)
               : "rcx", "r11", "memory");
  return result;
}
void _start(void) {
  static char bytes[4096];
  const long maps = call(2, (long)"/proc/self/maps", 0, 0); /* open, read, write, exit_group */
  long count;
  while ((count = call(0, maps, (long)bytes, sizeof bytes)) > 0) call(1, 1, (long)bytes, count);
  call(231, 0, 0, 0);
}
#else
void _start(void) {}
#endif`;
const replaced = new Set(Object.values(tags));
const placeholder = "X".repeat(2048);

/** The moulds of one machine, made when first needed. */
export class Foundry {
  readonly #machine: Machine;
  readonly #directory = scratchDirectory();
  readonly #moulds = new Map<string, Buffer>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  cast(spec: ObjectSpec): Buffer {
    const object = new Mould(this.#mould(spec));
    object.fill(spec);
    for (const [offset, byte] of Object.entries(spec.patch ?? {}))
      object.bytes[Number(offset)] = byte;
    return object.bytes;
  }

  #mould({ program = false, defines = [], versions = {}, link = [] }: ObjectSpec): Buffer {
    const key = JSON.stringify([program, defines, versions, link]);
    const known = this.#moulds.get(key);
    if (known) return Buffer.from(known);
    const directory = join(this.#directory, `${this.#moulds.size}`);
    mkdirSync(directory);
    const definitions = defines.map((version) => `void f_${version}(void) {}`);
    const uses = Object.values(versions).flatMap((names) =>
      names.map(
        (version) => `void f_${version}(void); void (*use_${version})(void) = f_${version};`,
      ),
    );
    const providers = Object.entries(versions).map(([library, names]) =>
      this.#provider(directory, library, names),
    );
    this.#link(
      directory,
      "object",
      ["int here;", program ? start : "", ...definitions, ...uses].join("\n"),
      defines,
      [
        program ? "-pie" : "-shared",
        `-Wl,--dynamic-linker=${this.#machine.interpreter}`,
        "-Wl,--spare-dynamic-tags=64",
        `-Wl,--enable-new-dtags,-rpath,${placeholder}`,
        ...link.map((option) => `-Wl,${option}`),
        ...providers,
      ],
    );
    const mould = readFileSync(join(directory, "object"));
    this.#moulds.set(key, mould);
    return Buffer.from(mould);
  }

  #provider(directory: string, library: string, versions: string[]): string {
    const source = versions.map((version) => `void f_${version}(void) {}`).join("\n");
    this.#link(directory, library, source, versions, ["-shared", `-Wl,-soname,${library}`]);
    return library;
  }

  #link(directory: string, name: string, source: string, versions: string[], rest: string[]): void {
    const script = versions.map((version) => `${version} { f_${version}; };`).join("\n");
    writeFileSync(join(directory, `${name}.map`), script);
    compileWith(
      this.#machine.compiler,
      join(directory, name),
      source,
      "-nostdlib",
      "-fPIC",
      "-Wl,--build-id=none,--hash-style=both,--no-as-needed",
      ...(versions.length > 0 ? [`-Wl,--version-script=${name}.map`] : []),
      ...rest,
    );
  }
}

/** Reads and writes the two tables of one object. */
class Mould {
  readonly bytes: Buffer;
  readonly #wide: boolean;
  readonly #little: boolean;
  readonly #sections: { type: number; offset: number; size: number; link: number }[] = [];

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#wide = bytes[4] === 2;
    this.#little = bytes[5] === 1;
    const table = Number(this.#word(this.#wide ? 0x28 : 0x20));
    const [size, count] = this.#wide ? [64, this.#u16(0x3c)] : [40, this.#u16(0x30)];
    for (let index = 0; index < count; ++index) {
      const at = table + index * size;
      const [offset, length, link] = this.#wide ? [24, 32, 40] : [16, 20, 24];
      this.#sections.push({
        type: this.#u32(at + 4),
        offset: Number(this.#word(at + offset)),
        size: Number(this.#word(at + length)),
        link: this.#u32(at + link),
      });
    }
  }

  fill(spec: ObjectSpec): void {
    const dynamic = this.#section(6);
    const strings = this.#sections[dynamic.link];
    if (!strings) throw new Error("the mould has no string table");
    const entries = this.#entries(dynamic.offset, dynamic.size);
    const kept = entries.filter(({ tag }) => !replaced.has(tag));
    const versioned = new Set(Object.keys(spec.versions ?? {}));
    const text = (offset: bigint) => {
      const start = strings.offset + Number(offset);
      return this.bytes.toString("latin1", start, this.bytes.indexOf(0, start));
    };
    const own = entries.filter(
      ({ tag, value }) => tag === tags.needed && versioned.has(text(value)),
    );
    const room = entries.find(({ tag }) => tag === tags.runpath);
    let next = strings.offset + Number(room?.value);
    const end = next + placeholder.length;
    const name = (value: string) => {
      const at = next;
      next += this.bytes.write(`${value}\0`, next);
      if (next > end) throw new Error("the mould has no room for all names");
      return BigInt(at - strings.offset);
    };
    const named = (tag: bigint, values: string[] = []) =>
      values.map((value) => ({ tag, value: name(value) }));
    const filters = [...named(tags.filter, spec.filter), ...named(tags.auxiliary, spec.auxiliary)];
    const needed = [...named(tags.needed, spec.needed), ...own];
    const optional = (tag: bigint, value: string | undefined) =>
      value === undefined ? [] : named(tag, [value]);
    const written = [
      ...(spec.filtersFirst ? [...filters, ...needed] : [...needed, ...filters]),
      ...optional(tags.soname, spec.soname),
      ...optional(tags.rpath, spec.rpath),
      ...optional(tags.runpath, spec.runpath),
      ...(spec.flags1 ? [{ tag: tags.flags1, value: BigInt(spec.flags1) }] : []),
      ...(spec.packedRelocations
        ? [
            { tag: 35n, value: 0n }, // DT_RELRSZ
            { tag: 36n, value: 0n }, // DT_RELR
            { tag: 37n, value: this.#wide ? 8n : 4n }, // DT_RELRENT
          ]
        : []),
      ...kept,
    ];
    const step = this.#wide ? 16 : 8;
    if (written.length >= dynamic.size / step) throw new Error("the mould has too few entries");
    this.bytes.fill(0, dynamic.offset, dynamic.offset + dynamic.size);
    written.forEach(({ tag, value }, index) => {
      this.#putWord(dynamic.offset + index * step, tag);
      this.#putWord(dynamic.offset + index * step + step / 2, value);
    });
    if (spec.weak) this.#weakenVersions();
  }

  /** Sets VER_FLG_WEAK in each Vernaux. */
  #weakenVersions(): void {
    const { offset } = this.#section(0x6ffffffe);
    for (let need = offset, more = true; more; ) {
      let auxiliary = need + this.#u32(need + 8);
      for (let left = this.#u16(need + 2); left > 0; --left) {
        this.#putU16(auxiliary + 4, 2);
        auxiliary += this.#u32(auxiliary + 12);
      }
      const next = this.#u32(need + 12);
      more = next !== 0;
      need += next;
    }
  }

  #section(type: number) {
    const found = this.#sections.find((section) => section.type === type);
    if (!found) throw new Error(`the mould has no section of type ${type}`);
    return found;
  }

  #entries(offset: number, size: number): { tag: bigint; value: bigint }[] {
    const step = this.#wide ? 16 : 8;
    const entries = [];
    for (let at = offset; at < offset + size; at += step) {
      const tag = this.#word(at);
      if (tag === 0n) break;
      entries.push({ tag, value: this.#word(at + step / 2) });
    }
    return entries;
  }

  #u16(at: number): number {
    return this.#little ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at);
  }
  #u32(at: number): number {
    return this.#little ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
  }
  #word(at: number): bigint {
    if (!this.#wide) return BigInt(this.#u32(at));
    return this.#little ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at);
  }
  #putU16(at: number, value: number): void {
    if (this.#little) this.bytes.writeUInt16LE(value, at);
    else this.bytes.writeUInt16BE(value, at);
  }
  #putWord(at: number, value: bigint): void {
    if (!this.#wide) {
      const narrow = Number(value);
      if (this.#little) this.bytes.writeUInt32LE(narrow, at);
      else this.bytes.writeUInt32BE(narrow, at);
    } else if (this.#little) this.bytes.writeBigUInt64LE(value, at);
    else this.bytes.writeBigUInt64BE(value, at);
  }
}
