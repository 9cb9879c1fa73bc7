// What may be asked of `edit`, and what that comes to for a file that says what it says.

import type { CachedResolution, Facts } from "../addon/facts.js";
import type { Edits, Renaming } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import { descriptorOf, resolveNow } from "./resolution_cache.js";
import { changedSearchPath, presentSearchPath, type SearchPathChange } from "./search_path.js";

/**
 * Everything that can be asked of one file at once. What the file says already costs nothing; needed
 * libraries are removed first, then replaced, then added.
 */
export interface EditRequest extends Omit<Edits, "searchPath" | "resolutionCache"> {
  /** DT_RUNPATH or DT_RPATH; a value that is empty removes both. */
  searchPath?: SearchPathChange;
  /**
   * Write where the libraries that the file needs then lie into the note `.note.nixos.ldcache`, from
   * which nixpkgs' glibc takes them.
   */
  resolutionCache?: boolean;
}

/** Why a resolution cache that was asked for is not written. */
export type NoCache = "no-dynamic-table" | "nothing-to-resolve" | "nothing-found";

/**
 * The edits for a file of these facts.
 * @throws FixelfError `unsupported` where a resolution cache is asked for and an outdated one is there
 */
export function editsFor(
  request: EditRequest,
  facts: Facts,
): { edits: Edits; noCache: NoCache | null } {
  const { searchPath: change, resolutionCache, ...rest } = request;
  const edits: Edits = rest;
  const searchPath = change === undefined ? null : changedSearchPath(change, facts);
  if (searchPath !== null) edits.searchPath = searchPath;
  if (!resolutionCache) return { edits, noCache: null };

  const present = presentSearchPath(facts);
  const path = searchPath?.value ?? present ?? "";
  const needed = neededAfter(facts.needed, request);
  const cache = resolveNow(needed, path);
  const outdated = facts.notes.resolutionCache;
  // A change of what it was made from takes the note away.
  const goes =
    path !== (present ?? "") ||
    needed.length !== facts.needed.length ||
    needed.some((name, at) => name !== facts.needed[at]);
  if (outdated !== null && !goes && !(cache.length > 0 && same(outdated, cache))) {
    throw new FixelfError(
      "unsupported",
      "a resolution cache note is already present; rebuild from an unpatched binary",
      { path: facts.path },
    );
  }
  if (cache.length > 0) {
    edits.resolutionCache = descriptorOf(cache);
    return { edits, noCache: null };
  }
  return { edits, noCache: whyNone(facts, needed, path) };
}

/** The names in DT_NEEDED after these edits. */
function neededAfter(
  needed: readonly string[],
  { removeNeeded = [], replaceNeeded = [], addNeeded = [] }: EditRequest,
): string[] {
  const renamed = new Map(replaceNeeded.map(({ from, to }: Renaming) => [from, to]));
  return [
    ...addNeeded,
    ...needed
      .filter((name) => !removeNeeded.includes(name))
      .map((name) => renamed.get(name) ?? name),
  ];
}

function whyNone(facts: Facts, needed: readonly string[], path: string): NoCache {
  if (facts.dynamicTable !== "present") return "no-dynamic-table";
  return needed.length === 0 || path === "" ? "nothing-to-resolve" : "nothing-found";
}

function same(one: readonly CachedResolution[], other: readonly CachedResolution[]): boolean {
  return (
    one.length === other.length &&
    one.every(
      ({ soname, places }, at) => soname === other[at]?.soname && places === other[at]?.places,
    )
  );
}
