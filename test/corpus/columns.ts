// What a scan's columns have to be, given what a tool reports about a file. Written from the documentation
// (docs/scanning.md, lib/addon/facts.ts), not from native/elf.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Said, SaidSegment } from "./said.js";

/** Columns by name; undefined where the tool does not tell. */
export type Columns = Record<string, unknown>;

/** `shown` is the path that the scan gives. */
export function columnsOf(said: Said, file: string, shown: string): Columns {
  const ident = Buffer.from(said.ident, "hex");
  const last = (type: string) => said.segments.findLast((segment) => segment.type === type);
  const interpreter = last("INTERP")?.fileSize === 0 ? null : said.interpreter;
  const dynamic = (last("DYNAMIC")?.fileSize ?? 0) > 0 ? said.dynamic : [];
  const text = (tag: string) => dynamic.findLast((entry) => entry.tag === tag)?.value ?? null;
  const has = (tag: string, name: string, bit: number) => hasFlag(text(tag), name, bit);
  const soname = text("SONAME");
  const bindsNow =
    text("BIND_NOW") !== null || has("FLAGS", "BIND_NOW", 8) || has("FLAGS_1", "NOW", 1);
  const stack = last("GNU_STACK");
  const { size, overlay } = extentOf(said, file);
  const covered = said.notes.filter(({ container }) => inSegment(said.segments, container));
  const note = (kind: string) => covered.findLast((note) => note.kind === kind);
  const tag = note("GNU_ABI_TAG");
  const abiTag = (tag?.value as string | null | undefined)?.split(" ") ?? [];
  const isCore = said.type === "CORE";
  const buildId = note("GNU_BUILD_ID") ?? said.notes.find(({ kind }) => kind === "GNU_BUILD_ID");
  const dlopen = covered.filter(({ kind }) => kind === "FDO").map(({ value }) => value);
  // Sections lead the tools to versions, the dynamic table leads a loader there.
  const isToldVersions = said.sections.length > 0;
  const versions = (tag: string, told: unknown[]) =>
    text(tag) === null ? [] : isToldVersions ? told : undefined;
  return {
    path: shown,
    storePath: /^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[^/]+/.exec(shown)?.[0] ?? null,
    size,
    class: ident[4] === 2 ? "ELF64" : "ELF32",
    byteOrder: ident[5] === 2 ? "big-endian" : "little-endian",
    machine: machines.get(said.machine) ?? said.machine,
    osAbi: osAbis[ident[7] as number] ?? `osabi-${ident[7]}`,
    osAbiNumber: ident[7],
    abiVersion: ident[8],
    type: typeOf(said, interpreter !== null, soname !== null, has("FLAGS_1", "PIE", 0x8000000)),
    entry: said.entry,
    interpreter,
    dynamicTable: dynamicTableOf(said),
    soname,
    needed: dynamic.filter(({ tag }) => tag === "NEEDED").map(({ value }) => value),
    rpath: text("RPATH"),
    runpath: text("RUNPATH"),
    noDefaultLibraries: has("FLAGS_1", "NODEFLIB", 0x800),
    versionsNeeded: versions("VERNEED", said.versionsNeeded),
    versionsDefined: versions("VERDEF", said.versionsDefined),
    buildId: isCore ? null : (buildId?.value ?? null),
    abiTagSystem: tag === undefined || isCore ? null : abiTag[0],
    abiTagKernel: tag === undefined || isCore ? null : abiTag[1],
    dlopen: dlopen.includes(null) ? undefined : dlopen,
    x86IsaNeeded: note("X86_ISA_1_NEEDED") ? (note("X86_ISA_1_NEEDED")?.value ?? undefined) : null,
    resolutionCache: note("NixOS") ? undefined : null,
    executableStack: stack === undefined ? null : stack.executable,
    relro: (last("GNU_RELRO")?.memorySize ?? 0) === 0 ? "none" : bindsNow ? "full" : "partial",
    sectionHeaders: said.sections.length > 0,
    overlayOffset: isCore ? null : (overlay?.offset ?? null),
    overlaySize: isCore ? null : (overlay?.size ?? null),
    error: null,
    errorMessage: null,
  };
}

function typeOf(said: Said, interpreter: boolean, soname: boolean, pie: boolean): string {
  if (said.type === "CORE") return "core";
  if (said.type !== "DYN" && said.type !== "EXEC" && said.type !== "REL") return "other";
  const code = said.sections.filter(({ allocated, executable }) => allocated && executable);
  if (code.length > 0 && code.every(({ type }) => type === "NOBITS")) return "debug-information";
  if (said.type === "REL") return "relocatable";
  if (said.type === "EXEC") return interpreter ? "executable" : "static";
  if (pie) return interpreter ? "pie" : "static-pie";
  if (interpreter && !soname) return "pie";
  return said.segments.some(({ type }) => type === "DYNAMIC") ? "shared-library" : "static-pie";
}

function dynamicTableOf({ segments, sections }: Said): string {
  const segment = segments.find(({ type }) => type === "DYNAMIC");
  if (segment !== undefined) return segment.fileSize === 0 ? "unread" : "present";
  return sections.some(({ type }) => type === "DYNAMIC") ? "unread" : "none";
}

/** By its name, or as part of a number that combines all unnamed flags. */
function hasFlag(value: string | null, name: string, bit: number): boolean {
  if (value === null) return false;
  if (value.split(/\s+/).includes(name)) return true;
  return (Number(/0x[0-9a-f]+/.exec(value)?.[0] ?? 0) & bit) !== 0;
}

function inSegment(segments: readonly SaidSegment[], offset: number): boolean {
  return segments.some(
    (segment) =>
      segment.type === "NOTE" &&
      offset >= segment.offset &&
      offset < segment.offset + segment.fileSize,
  );
}

/** Up to two mebibytes of zeros are padding. */
const mostPadding = 2 ** 21;

function extentOf(
  said: Said,
  file: string,
): { size: number; overlay: { offset: number; size: number } | null } {
  // biome-ignore format: one line
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const tables = [said.programHeaders, said.sectionHeaders].map(
      ({ offset, size, count }) => offset + size * count,
    );
    const segments = said.segments
      .filter(({ type, fileSize }) => type !== "NULL" && fileSize > 0)
      .map(({ offset, fileSize }) => offset + fileSize);
    const sections = said.sections
      .filter(({ type }) => type !== "NULL" && type !== "NOBITS")
      .map(({ offset, size }) => offset + size)
      .filter((end) => end <= size);
    const header = said.ident.slice(8, 10) === "02" ? 64 : 52;
    const end = Math.max(header, ...tables, ...segments, ...sections);
    if (end >= size) return { size, overlay: null };
    if (size - end <= mostPadding) {
      const rest = Buffer.alloc(size - end);
      readSync(descriptor, rest, 0, rest.length, end);
      if (rest.every((byte) => byte === 0)) return { size, overlay: null };
    }
    return { size, overlay: { offset: end, size: size - end } };
  } finally {
    closeSync(descriptor);
  }
}

/** gABI, "EI_OSABI". */
const osAbis: Readonly<Record<number, string>> = {
  0: "system-v",
  2: "netbsd",
  3: "gnu",
  6: "solaris",
  9: "freebsd",
  12: "openbsd",
  64: "arm-aeabi",
  97: "arm",
  255: "standalone",
};

/** How readelf, eu-readelf and pyelftools name a machine, by the scan's name for it. */
const machineNames: Readonly<Record<string, readonly string[]>> = {
  aarch64: ["AArch64", "AARCH64", "EM_AARCH64"],
  alpha: ["Alpha", "36902"],
  arm: ["ARM", "EM_ARM"],
  avr: ["Atmel AVR 8-bit microcontroller", "EM_AVR"],
  bpf: ["Linux BPF", "BPF", "EM_BPF"],
  i386: ["Intel 80386", "EM_386"],
  loongarch: ["LoongArch", "258"],
  m68k: ["MC68000", "M68K", "EM_68K"],
  mips: ["MIPS R3000", "EM_MIPS"],
  parisc: ["HPPA", "EM_PARISC"],
  ppc: ["PowerPC", "EM_PPC"],
  ppc64: ["PowerPC64", "EM_PPC64"],
  riscv: ["RISC-V", "EM_RISCV"],
  s390: ["IBM S/390", "EM_S390"],
  sh: ["Renesas / SuperH SH", "SH", "EM_SH"],
  sparc: ["Sparc", "SPARC", "EM_SPARC"],
  sparcv9: ["Sparc v9", "SPARC v9", "EM_SPARCV9"],
  "x86-64": ["Advanced Micro Devices X86-64", "AMD x86-64", "EM_X86_64"],
};
const machines = new Map(
  Object.entries(machineNames).flatMap(([name, told]) => told.map((text) => [text, name] as const)),
);
