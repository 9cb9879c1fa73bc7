// RUNPATH: what it says now, and what it has to say.
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

/** The entries worth keeping: those that move with the file, and directories that are there. */
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
 * An entry of a file's search path, with the directory of the file where it says $ORIGIN. What glibc
 * takes for $ORIGIN the core knows; $LIB and $PLATFORM differ for each loader and stay. Dots stay too:
 * where a directory is a link, the kernel goes through it before it goes up.
 */
export function withoutOrigin(entry: string, file: string): string {
  // None where it is too long for a path: nothing is there.
  return native.expandOrigin(entry, dirname(file)) ?? entry;
}

/** Whether an entry means another directory where the file is elsewhere. */
export function hasOrigin(entry: string): boolean {
  return withoutOrigin(entry, "/a/file") !== withoutOrigin(entry, "/b/file");
}

/** A directory of the program's own tree, as the file would say it: it may be moved as a whole. */
export function fromOrigin(file: string, directory: string): string {
  const steps = relative(dirname(file), directory);
  return steps === "" ? "$ORIGIN" : `$ORIGIN/${steps}`;
}
