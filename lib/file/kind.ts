// Which ELF files kernels and loaders deal with.
import type { Facts } from "../addon/facts.js";

/** What a file is, for reports. */
export type FileKind = "program" | "library" | "script" | "other";

export function kindOf({
  facts,
  shebang,
}: {
  facts: Pick<Facts, "type"> | null;
  shebang: object | null;
}): FileKind {
  if (facts === null) return shebang === null ? "other" : "script";
  if (facts.type === "shared-library") return "library";
  return neverOpened.has(facts.type) ? "other" : "program";
}

const neverOpened: ReadonlySet<Facts["type"]> = new Set([
  "relocatable",
  "core",
  "debug-information",
  "other",
]);

/** Excludes object files, cores and split debug information, which only tools open. */
export function isOpenedByLoaders({ type }: Pick<Facts, "type">): boolean {
  return !neverOpened.has(type);
}

/** Whether the kernel starts it through a loader: a library may name one too, in order to print its banner when run. */
export function isStartedByLoader({
  type,
  interpreter,
}: Pick<Facts, "type" | "interpreter">): boolean {
  return type !== "shared-library" && interpreter !== null;
}

/** Whether its name is one that loaders and dlopen(3) are asked for. */
export function hasLibraryName(path: string): boolean {
  return /\.so(\.\d+)*$/.test(path);
}

/**
 * Whether a loader that is given the file accepts its header as the kernel does, which checks only the magic. AppImages
 * have their own mark in e_ident (type 2: "AI\x02" in the ABI version and the padding), which the loader rejects in
 * files that it opens itself (elf/dl-load.c, open_verify).
 */
export function isTakenByLoaders({
  osAbiNumber,
  abiVersion,
}: Pick<Facts, "osAbiNumber" | "abiVersion">): boolean {
  return (osAbiNumber === 0 || osAbiNumber === 3) && abiVersion === 0;
}
