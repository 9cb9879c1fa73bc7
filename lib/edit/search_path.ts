// What DT_RUNPATH or DT_RPATH becomes when it is added to, shrunk or removed.
import type { Facts } from "../addon/facts.js";
import { type Edits, native } from "../addon/native.js";

/** What is to happen to the directories that the loader searches for a file's libraries. */
export type SearchPathChange = (
  | { /** Colon-separated. */ set: string }
  | { /** Colon-separated; goes behind what is there. */ add: string }
  | { remove: true }
  | { shrink: ShrinkOptions }
) & {
  /**
   * The dynamic entry that holds it from then on (default `runpath`; an `rpath` that is there is
   * converted). DT_RPATH is searched for the libraries of libraries as well.
   */
  tag?: "runpath" | "rpath";
};

/** Shrinking keeps the directories that hold a needed library which none before them holds. */
export interface ShrinkOptions {
  /** Absolute directories that start with none of these go in any case. */
  allowedPrefixes?: readonly string[];
  /** Is told of each directory that goes, and why. */
  onRemoved?: (directory: string, why: string) => void;
}

type SearchPath = NonNullable<Edits["searchPath"]>;

/** The new search path, or null where there is nothing to remove or shrink. */
export function changedSearchPath(change: SearchPathChange, facts: Facts): SearchPath | null {
  const { tag = "runpath" } = change;
  if ("set" in change) return { value: change.set, tag };
  const present = presentSearchPath(facts);
  if ("add" in change) return { value: joined([present ?? "", change.add]), tag };
  if (present === null) return null;
  if ("remove" in change) return { value: "", tag };
  return { value: joined(shrunk(split(present), facts, change.shrink)), tag };
}

/** The one that the loader uses: DT_RPATH counts only where there is no DT_RUNPATH. */
export function presentSearchPath({ runpath, rpath }: Facts): string | null {
  return runpath ?? rpath;
}

/** The elements of a colon-separated list; one that ends in a colon has no last, empty one. */
export function split(list: string): string[] {
  const elements = list.split(":");
  if (elements.at(-1) === "") elements.pop();
  return elements;
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(":");
}

function shrunk(
  directories: readonly string[],
  facts: Facts,
  { allowedPrefixes = [], onRemoved }: ShrinkOptions,
): string[] {
  const files = new native.Files("/");
  // A name with a slash is opened as it is: no directory serves it.
  const missing = new Set(facts.needed.filter((name) => !name.includes("/")));
  return directories.filter((directory) => {
    // What $ORIGIN and other relative ones mean is known only where the file will lie.
    if (directory !== "" && !directory.startsWith("/")) return true;
    if (
      allowedPrefixes.length > 0 &&
      !allowedPrefixes.some((prefix) => directory.startsWith(prefix))
    ) {
      onRemoved?.(directory, "it starts with none of the allowed prefixes");
      return false;
    }
    const found =
      directory === ""
        ? []
        : [...missing].filter((name) => fits(files.look(`${directory}/${name}`).facts, facts));
    for (const name of found) missing.delete(name);
    if (found.length === 0) onRemoved?.(directory, "no library that is needed is taken from it");
    return found.length > 0;
  });
}

/** Whether a loader of the user's machine would take the library (glibc elf/dl-load.c). */
function fits(library: Facts | null, user: Facts): boolean {
  return (
    library !== null &&
    library.machine === user.machine &&
    library.class === user.class &&
    library.byteOrder === user.byteOrder
  );
}
