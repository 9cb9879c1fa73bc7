// Mutants of an ELF64 little-endian file: each differs in one field of its ELF header, a program header or its dynamic
// table. The field, and its new value, follow from the number alone.

export interface Mutant {
  /** What was changed: "p_offset of PT_LOAD 2: 0x1000 → 0x1001". */
  change: string;
  bytes: Buffer;
}

interface Field {
  name: string;
  at: number;
  size: 1 | 2 | 4 | 8;
}

const headerFields: readonly [string, number, Field["size"]][] = [
  ["e_ident[EI_CLASS]", 4, 1],
  ["e_ident[EI_DATA]", 5, 1],
  ["e_ident[EI_VERSION]", 6, 1],
  ["e_ident[EI_OSABI]", 7, 1],
  ["e_ident[EI_ABIVERSION]", 8, 1],
  ["e_ident[EI_PAD]", 9, 1],
  ["e_type", 16, 2],
  ["e_machine", 18, 2],
  ["e_version", 20, 4],
  ["e_phoff", 32, 8],
  ["e_shoff", 40, 8],
  ["e_flags", 48, 4],
  ["e_ehsize", 52, 2],
  ["e_phentsize", 54, 2],
  ["e_phnum", 56, 2],
];

const segmentFields: readonly [string, number, Field["size"]][] = [
  ["p_type", 0, 4],
  ["p_flags", 4, 4],
  ["p_offset", 8, 8],
  ["p_vaddr", 16, 8],
  ["p_paddr", 24, 8],
  ["p_filesz", 32, 8],
  ["p_memsz", 40, 8],
  ["p_align", 48, 8],
];

const segmentTypes: Record<number, string> = {
  1: "PT_LOAD",
  2: "PT_DYNAMIC",
  3: "PT_INTERP",
  4: "PT_NOTE",
  6: "PT_PHDR",
  7: "PT_TLS",
  1685382480: "PT_GNU_EH_FRAME",
  1685382481: "PT_GNU_STACK",
  1685382482: "PT_GNU_RELRO",
  1685382483: "PT_GNU_PROPERTY",
};

/** splitmix32: neighbouring seeds have nothing in common. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * below);
  };
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = headerFields.map(([name, at, size]) => ({ name, at, size }));
  const table = Number(bytes.readBigUInt64LE(32));
  const count = bytes.readUInt16LE(56);
  for (let index = 0; index < count; index++) {
    const at = table + index * 56;
    const type = bytes.readUInt32LE(at);
    const what = `${segmentTypes[type] ?? `type ${type.toString(16)}`} ${index}`;
    for (const [name, offset, size] of segmentFields)
      fields.push({ name: `${name} of ${what}`, at: at + offset, size });
    if (type !== 2) continue;
    const start = Number(bytes.readBigUInt64LE(at + 8));
    const size = Number(bytes.readBigUInt64LE(at + 32));
    for (let entry = start; entry < start + size; entry += 16) {
      const tag = bytes.readBigUInt64LE(entry);
      const name = `entry ${(entry - start) / 16} (tag 0x${tag.toString(16)})`;
      fields.push({ name: `d_tag of ${name}`, at: entry, size: 8 });
      fields.push({ name: `d_val of ${name}`, at: entry + 8, size: 8 });
      if (tag === 0n) break;
    }
  }
  return fields;
}

/** The mutant with that number. */
export function mutantOf(original: Buffer, number: number): Mutant {
  const random = generator(number);
  const fields = fieldsOf(original);
  const field = fields[random(fields.length)] as Field;
  const bytes = Buffer.from(original);
  const old = read(bytes, field);
  const bits = BigInt(field.size * 8);
  const values = [
    0n,
    1n,
    old + 1n,
    old - 1n,
    old ^ (1n << BigInt(random(field.size * 8))),
    old + 0x1000n,
    old - 0x1000n,
    old * 2n,
    (1n << bits) - 1n,
    1n << (bits - 1n),
    BigInt(random(0x8000)),
    read(bytes, fields[random(fields.length)] as Field),
  ].map((value) => BigInt.asUintN(Number(bits), value));
  const others = values.filter((value) => value !== old);
  const value = others[random(others.length)] as bigint;
  for (let index = 0; index < field.size; index++)
    bytes[field.at + index] = Number((value >> BigInt(index * 8)) & 0xffn);
  const change = `${field.name}: 0x${old.toString(16)} → 0x${value.toString(16)}`;
  return { change, bytes };
}

function read(bytes: Buffer, { at, size }: Field): bigint {
  let value = 0n;
  for (let index = size - 1; index >= 0; index--)
    value = (value << 8n) | BigInt(bytes[at + index] as number);
  return value;
}
