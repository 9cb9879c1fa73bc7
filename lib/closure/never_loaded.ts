// What Nix keeps for a store path although the loader opens nothing in it, and how large it is.
import type { PathInfo } from "../store/nix.js";
import { immediateDominators } from "./dominators.js";

/** A store path in a closure in which nothing is opened. */
export interface NeverLoaded {
  /** The store path. */
  path: string;
  /** Bytes. */
  size: number;
  /** Bytes that would be freed if nothing referred to it: its own, and those of what only it leads to. */
  frees: number;
  /** The store paths in the closure that refer to it. */
  referredToBy: string[];
}

/** The store paths in `top`'s closure that are not needed, those that would free the most first. */
export function findNeverLoaded(
  top: string,
  closure: ReadonlyMap<string, PathInfo>,
  needed: { has(storePath: string): boolean },
  sizeOf: (storePath: string) => number,
): NeverLoaded[] {
  const referrers = new Map<string, string[]>([...closure.keys()].map((path) => [path, []]));
  const references = (path: string) =>
    (closure.get(path)?.references ?? []).filter((other) => other !== path && closure.has(other));
  for (const path of closure.keys())
    for (const other of references(path)) referrers.get(other)?.push(path);

  const dominators = immediateDominators(top, references);
  const frees = new Map<string, number>();
  for (const path of dominators.keys()) {
    if (needed.has(path)) continue;
    // It is freed along with anything that all ways to it lead through.
    for (let above: string | null = path; above !== null; above = dominators.get(above) ?? null)
      frees.set(above, (frees.get(above) ?? 0) + sizeOf(path));
  }
  return [...dominators.keys()]
    .filter((path) => !needed.has(path))
    .map((path) => ({
      path,
      size: sizeOf(path),
      frees: frees.get(path) ?? 0,
      referredToBy: (referrers.get(path) ?? []).sort(),
    }))
    .sort((a, b) => b.frees - a.frees || (a.path < b.path ? -1 : 1));
}
