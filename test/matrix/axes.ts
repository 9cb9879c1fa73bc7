// The axes of the matrix, and which of its cells cannot exist.
//
// A cell is one way to build a program: for which machine, by which compiler and linker, into which
// kind of file, and so on. A cell is left out only for a reason that is given here, as data, and
// that is tried: the build has to fail with these words, or the unedited program has to fail.

/** Each with the tools' names for it; x86-64 is assumed to be the machine that runs this. */
export const machines = {
  "x86-64": {
    triplet: "x86_64-linux-gnu",
    qemu: null,
    goarch: "amd64",
    rust: "x86_64-unknown-linux-gnu",
  },
  i386: {
    triplet: "i686-linux-gnu",
    qemu: "qemu-i386",
    goarch: "386",
    rust: "i686-unknown-linux-gnu",
  },
  aarch64: {
    triplet: "aarch64-linux-gnu",
    qemu: "qemu-aarch64",
    goarch: "arm64",
    rust: "aarch64-unknown-linux-gnu",
  },
  armhf: {
    triplet: "arm-linux-gnueabihf",
    qemu: "qemu-arm",
    goarch: "arm",
    rust: "armv7-unknown-linux-gnueabihf",
  },
  riscv64: {
    triplet: "riscv64-linux-gnu",
    qemu: "qemu-riscv64",
    goarch: "riscv64",
    rust: "riscv64gc-unknown-linux-gnu",
  },
  ppc64le: {
    triplet: "powerpc64le-linux-gnu",
    qemu: "qemu-ppc64le",
    goarch: "ppc64le",
    rust: "powerpc64le-unknown-linux-gnu",
  },
  ppc64: {
    triplet: "powerpc64-linux-gnu",
    qemu: "qemu-ppc64",
    goarch: "ppc64",
    rust: "powerpc64-unknown-linux-gnu",
  },
  s390x: {
    triplet: "s390x-linux-gnu",
    qemu: "qemu-s390x",
    goarch: "s390x",
    rust: "s390x-unknown-linux-gnu",
  },
  mips64el: {
    triplet: "mips64el-linux-gnuabi64",
    qemu: "qemu-mips64el",
    goarch: "mips64le",
    rust: "mips64el-unknown-linux-gnuabi64",
  },
  mipsel: {
    triplet: "mipsel-linux-gnu",
    qemu: "qemu-mipsel",
    goarch: "mipsle",
    rust: "mipsel-unknown-linux-gnu",
  },
} as const;

export const axes = {
  machine: Object.keys(machines) as (keyof typeof machines)[],
  compiler: ["gcc", "clang", "rustc", "go"],
  linker: ["bfd", "gold", "lld", "mold"],
  kind: ["PIE", "non-PIE", "static-PIE", "shared"],
  relro: ["relro", "now", "none"],
  /** -z max-page-size and -z common-page-size, in KiB. */
  page: ["4/4", "16/4", "64/4", "64/64"],
  hash: ["gnu", "sysv", "both"],
  /** What was done to the file after linking, or how it was linked. */
  state: ["plain", "stripped", "no sections", "debug split", "emitted relocations", "3 GiB .bss"],
} as const;

export type Axis = keyof typeof axes;
export type Cell = { [axis in Axis]: (typeof axes)[axis][number] };
export const axisNames = Object.keys(axes) as Axis[];

export const cellName = (cell: Cell) => axisNames.map((axis) => cell[axis]).join(", ");

/** The cell from which a special one differs only in what makes it special. */
export const usual: Cell = {
  machine: "x86-64",
  compiler: "gcc",
  linker: "bfd",
  kind: "PIE",
  relro: "relro",
  page: "4/4",
  hash: "gnu",
  state: "plain",
};

export interface Impossibility {
  where: { [axis in Axis]?: readonly Cell[axis][] };
  reason: string;
  /**
   * What the compiler or the linker prints; null if it builds, but does not run before any edit.
   */
  buildSays: RegExp | null;
  /** It builds and runs, but is malformed before any edit: eu-elflint prints this. */
  elflintSays?: RegExp;
}

const wide: Cell["machine"][] = [
  "x86-64",
  "aarch64",
  "riscv64",
  "ppc64le",
  "ppc64",
  "s390x",
  "mips64el",
];
const narrow = axes.machine.filter((machine) => !wide.includes(machine));
const foreign = axes.machine.filter((machine) => machine !== "x86-64");
const withStaticPie: Cell["machine"][] = ["x86-64", "i386", "aarch64"];

export const impossibilities: Impossibility[] = [
  {
    where: { machine: ["riscv64"], linker: ["gold"] },
    reason: "gold knows no RISC-V",
    buildSays: /cannot find 'ld'|cannot find ‘ld’|invalid linker name/,
  },
  {
    where: { machine: ["riscv64"], linker: ["lld"], kind: ["PIE", "non-PIE"] },
    reason: "this lld cannot relax, and the start files of RISC-V ask for it",
    buildSays: /R_RISCV_ALIGN requires unimplemented linker relaxation/,
  },
  {
    where: { machine: ["ppc64"], linker: ["lld"] },
    reason: "lld links the second ABI of PowerPC 64 only, and big-endian glibc has the first",
    buildSays: /ABI version 1 is not supported/,
  },
  {
    where: {
      machine: ["mips64el", "mipsel"],
      linker: ["gold", "lld"],
      hash: ["gnu", "both"],
    },
    reason:
      "DT_GNU_HASH wants an order of symbols that MIPS does not allow; only bfd has DT_MIPS_XHASH",
    buildSays: /\.gnu\.hash (section )?is (incompatible|not compatible) with the MIPS/,
  },
  {
    where: { machine: ["s390x"], linker: ["lld"] },
    reason: "this lld knows no s390x",
    buildSays: /unknown emulation: elf64_s390/,
  },
  {
    where: { machine: ["s390x"], linker: ["mold"], hash: ["sysv"] },
    reason: "the words of s390x's DT_HASH have 64 bits, and mold writes 32",
    buildSays: null,
  },
  {
    where: { machine: ["s390x"], linker: ["mold"], hash: ["both"] },
    reason: "likewise; the loader uses the other table, but nobody can read this one",
    buildSays: null,
    elflintSays: /'\.hash': hash table section is too small/,
  },
  {
    where: { machine: ["mips64el", "mipsel"], linker: ["mold"] },
    reason: "mold knows no MIPS",
    buildSays: /mold: fatal: unknown -m argument/,
  },
  {
    where: {
      machine: ["mips64el", "mipsel"],
      compiler: ["gcc", "go"],
      linker: ["lld"],
      hash: ["sysv"],
    },
    reason: "GCC's unwind tables for MIPS hold absolute addresses, which this lld refuses",
    buildSays: /R_MIPS_(32|64) cannot be used against local symbol/,
  },
  {
    where: { machine: withStaticPie, linker: ["gold"], kind: ["static-PIE"] },
    reason: "gold has no --no-dynamic-linker, so it makes no static-PIE",
    buildSays: /--no-dynamic-linker: unknown option/,
  },
  {
    where: {
      machine: axes.machine.filter((machine) => !withStaticPie.includes(machine)),
      kind: ["static-PIE"],
    },
    reason: "Debian's glibc for the machine has no rcrt1.o, the start file of static-PIE",
    buildSays: /rcrt1\.o/,
  },
  {
    where: {
      machine: ["i386"],
      linker: ["gold"],
      kind: ["non-PIE"],
      page: ["64/4", "64/64"],
    },
    reason: "gold aborts where the machine's usual address is no multiple of the page",
    buildSays: /internal error in do_write/,
  },
  {
    where: { machine: ["i386"], linker: ["lld"], kind: ["static-PIE"] },
    reason: "this lld's static-PIE for i386 crashes at start",
    buildSays: null,
  },
  {
    where: {
      machine: ["x86-64"],
      linker: ["lld"],
      kind: ["PIE", "non-PIE", "static-PIE"],
      relro: ["relro", "now"],
      page: ["64/64"],
    },
    reason: "lld rounds RELRO up to the common page: on pages of 4 KiB nothing is mapped there",
    buildSays: null,
  },
  {
    where: { machine: foreign, compiler: ["rustc"] },
    reason: "Debian packages Rust's standard library for the machine it runs on only",
    buildSays: /can't find crate for `std`/,
  },
  {
    where: { machine: ["i386"], compiler: ["go"] },
    reason: "Go's threads lose their thread-local storage under this qemu-i386, and crash",
    buildSays: null,
  },
  {
    where: { machine: ["ppc64"], compiler: ["go"] },
    reason: "Go has no cgo for big-endian PowerPC 64",
    buildSays: /not supported (on|for) linux\/ppc64/,
  },
  {
    where: { machine: ["mips64el", "mipsel"], compiler: ["go"], kind: ["PIE", "shared"] },
    reason: "Go makes no position-independent code for MIPS",
    buildSays: /-buildmode=(pie|c-shared) not supported/,
  },
  {
    where: { machine: ["ppc64le"], compiler: ["go"], linker: ["mold"], kind: ["non-PIE"] },
    reason: "mold does not know the relocations of Go's position-dependent code",
    buildSays: /unknown relocation: R_PPC64_ADDR16/,
  },
  {
    where: { machine: ["s390x"], compiler: ["go"], linker: ["gold"], kind: ["shared"] },
    reason: "what gold makes of Go's objects is no library to the linker of the program",
    buildSays: /libmiddle\.so\.1: file not recognized/,
  },
  {
    where: { machine: ["x86-64"], kind: ["static-PIE"], state: ["3 GiB .bss"] },
    reason: "the small code of the static libc cannot reach over the zeros to the symbol _end",
    buildSays: /relocation truncated to fit|out of range/,
  },
  {
    where: {
      machine: ["x86-64"],
      compiler: ["rustc"],
      linker: ["gold", "mold"],
      state: ["emitted relocations"],
    },
    reason: "these linkers abort when they shall emit the relocations of Rust's standard library",
    buildSays: /internal error in do_layout|terminated with signal 6/,
  },
  {
    where: { machine: ["riscv64"], linker: ["mold"], kind: ["non-PIE"], state: ["3 GiB .bss"] },
    reason: "mold puts the zeros before the small variables, which code cannot reach then",
    buildSays: /R_RISCV_HI20 .*out of range/,
  },
  {
    where: {
      machine: ["riscv64"],
      compiler: ["clang"],
      linker: ["mold"],
      kind: ["PIE"],
      state: ["3 GiB .bss"],
    },
    reason: "likewise, but mold does not notice, and the program crashes",
    buildSays: null,
  },
  {
    where: { machine: ["mips64el"], linker: ["lld"], state: ["3 GiB .bss"] },
    reason: "this lld puts the zeros between code and its global offset table",
    buildSays: /R_MIPS_\w+ out of range/,
  },
  {
    where: {
      machine: ["armhf"],
      linker: ["gold"],
      state: ["emitted relocations"],
    },
    reason: "gold aborts when it shall emit these relocations",
    buildSays: /internal error in relocate_relocs/,
  },
  {
    where: { machine: ["ppc64le"], linker: ["lld"], state: ["3 GiB .bss"] },
    reason: "what this lld makes of it crashes at start",
    buildSays: null,
  },
  {
    where: { machine: ["s390x"], linker: ["gold"], kind: ["non-PIE"], state: ["3 GiB .bss"] },
    reason: "what gold makes of it crashes at start",
    buildSays: null,
  },
  {
    where: { machine: ["x86-64"], compiler: ["go"], linker: ["mold"], state: ["3 GiB .bss"] },
    reason: "mold puts the zeros between Go's code and its variables, which it cannot reach then",
    buildSays: /R_X86_64_PC32 .*out of range/,
  },
  {
    where: { machine: ["riscv64", "ppc64le"], compiler: ["go"], state: ["3 GiB .bss"] },
    reason: "likewise with every linker; some do not notice, and the program crashes",
    buildSays: /relocation truncated to fit/,
  },
  {
    where: { machine: ["s390x"], compiler: ["go"], state: ["3 GiB .bss"] },
    reason: "likewise, but no linker notices",
    buildSays: null,
  },
  {
    where: { machine: ["mips64el"], compiler: ["go"], kind: ["non-PIE"], state: ["3 GiB .bss"] },
    reason: "likewise, but no linker notices",
    buildSays: null,
  },
  {
    where: { machine: narrow, state: ["3 GiB .bss"] },
    reason: "no object is larger than half of a 32-bit address space",
    buildSays: /exceeds maximum object size|too large/,
  },
];

const matches = (cell: Cell, { where }: Impossibility) =>
  axisNames.every((axis) => {
    const values: readonly string[] | undefined = where[axis];
    return values === undefined || values.includes(cell[axis]);
  });

export function whyImpossible(cell: Cell): Impossibility | null {
  return impossibilities.find((impossibility) => matches(cell, impossibility)) ?? null;
}

/** Every combination of the given values. */
export function product(values: { [axis in Axis]: readonly Cell[axis][] }): Cell[] {
  let cells: Partial<Cell>[] = [{}];
  for (const axis of axisNames)
    cells = cells.flatMap((cell) => values[axis].map((value) => ({ ...cell, [axis]: value })));
  return cells as Cell[];
}

/**
 * The cells to try for an impossibility: each combination of the values it names, and the usual
 * values otherwise.
 */
export function examples({ where }: Impossibility): Cell[] {
  const values = Object.fromEntries(
    axisNames.map((axis) => [axis, where[axis] ?? [usual[axis]]]),
  ) as unknown as { [axis in Axis]: readonly Cell[axis][] };
  return product(values);
}

export const possibleCells = () => product(axes).filter((cell) => whyImpossible(cell) === null);
