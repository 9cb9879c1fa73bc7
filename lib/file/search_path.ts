// RUNPATH: what it is now, and what it has to be.
import { dirname, relative } from "node:path";
import type { Facts } from "../addon/facts.js";
import { type NativeFiles, native } from "../addon/native.js";

export type SearchPathTag = "runpath" | "rpath";

/** A file's search path as its loader reads it: DT_RPATH counts only without DT_RUNPATH. */
export function currentSearchPath(facts: Facts): { tag: SearchPathTag; entries: string[] } {
  const value = facts.runpath ?? facts.rpath;
  const tag = facts.runpath === null && facts.rpath !== null ? "rpath" : "runpath";
  return { tag, entries: value === null ? [] : value.split(":").filter((entry) => entry !== "") };
}

/** The entries worth keeping: those that move with the file, and existing directories. */
export function workingEntries(entries: readonly string[], files: NativeFiles): string[] {
  return entries.filter((entry) => {
    if (entry.includes("$")) return true;
    try {
      files.realPath(entry);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * An entry of a file's search path, with $ORIGIN replaced by the file's directory. The core knows what glibc accepts as
 * $ORIGIN; $LIB and $PLATFORM differ between loaders and remain. Dots remain too: if a directory is a link, the kernel
 * follows it before it goes up.
 */
export function withoutOrigin(entry: string, file: string): string {
  // No result if it is too long for a path: nothing is there.
  return native.expandOrigin(entry, dirname(file)) ?? entry;
}

/** Whether an entry means a different directory if the file is elsewhere. */
export function hasOrigin(entry: string): boolean {
  return withoutOrigin(entry, "/a/file") !== withoutOrigin(entry, "/b/file");
}

/** A directory in the program's own tree, as an entry relative to the file: the tree may be moved as a whole. */
export function fromOrigin(file: string, directory: string): string {
  const steps = relative(dirname(file), directory);
  return steps === "" ? "$ORIGIN" : `$ORIGIN/${steps}`;
}
