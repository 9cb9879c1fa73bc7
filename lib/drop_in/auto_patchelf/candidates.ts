// The libraries that may be chosen, in the order of preference: those that come with what is
// patched, then those of --libs, each followed by what its own search path leads to.
import { realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Facts } from "../../addon/facts.js";
import { currentSearchPath } from "../../file/search_path.js";
import { inspect, type Place, readPlace } from "./place.js";

export interface Candidate {
  /** The file's name, by which the loader opens it. */
  name: string;
  /** The directory that a search path has to name. */
  directory: string;
  facts: Facts;
}

export class Candidates {
  readonly #byName = new Map<string, Candidate[]>();
  readonly #bySoname = new Map<string, Candidate[]>();

  add(candidate: Candidate): void {
    append(this.#byName, candidate.name, candidate);
    const { soname } = candidate.facts;
    if (soname !== null && soname !== candidate.name) append(this.#bySoname, soname, candidate);
  }

  /** The files of that name. */
  named(name: string): readonly Candidate[] {
    return this.#byName.get(name) ?? [];
  }

  /** The files of another name that call themselves so. */
  callingThemselves(soname: string): readonly Candidate[] {
    return this.#bySoname.get(soname) ?? [];
  }
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** What was found on the way. */
export interface Collected {
  candidates: Candidates;
  /** Files that are named like libraries, but hold only debug information of one. */
  debugObjects: string[];
}

/**
 * Collects the libraries of the places to patch (none with --ignore-existing), and of the
 * directories and files that --libs names.
 */
export async function collectCandidates(
  existing: ReadonlyMap<string, Place>,
  libs: readonly string[],
): Promise<Collected> {
  const collected: Collected = { candidates: new Candidates(), debugObjects: [] };
  const visited = new Set<string>();
  const visit = async (path: string, known: Place | undefined): Promise<string[]> => {
    if (visited.has(path)) return [];
    visited.add(path);
    return takeFrom(known ?? (await readPlace(path, false)), collected);
  };
  for (const starts of [[...existing.keys()], libs]) {
    const queue = [...starts];
    for (let path = queue.shift(); path !== undefined; path = queue.shift())
      queue.push(...(await visit(path, existing.get(path))));
  }
  return collected;
}

/** Takes a place's libraries; the answer is where their own search paths lead. */
async function takeFrom(place: Place, { candidates, debugObjects }: Collected): Promise<string[]> {
  const linked = await Promise.all(place.links.filter(isLibraryName).map(inspect));
  const files = [
    ...place.files.filter(({ path }) => isLibraryName(path)),
    ...linked.flatMap((result) => ("facts" in result ? [result.facts] : [])),
  ];
  const further: string[] = [];
  files.sort((first, second) => (orderOf(first.path) < orderOf(second.path) ? -1 : 1));
  const directories = await Promise.all(files.map(({ path }) => directoryOf(path)));
  for (const [index, facts] of files.entries()) {
    if (facts.type === "shared-library" || facts.type === "pie") {
      const directory = directories[index] as string;
      candidates.add({ name: basename(facts.path), directory, facts });
      further.push(...currentSearchPath(facts).entries.filter((entry) => entry.startsWith("/")));
    } else if (facts.dynamicTable === "unread") {
      debugObjects.push(facts.path);
    }
  }
  return further;
}

/** Sorts by directory, and those of a directory before those of the directories below it. */
function orderOf(path: string): string {
  return `${dirname(path)}/\0${basename(path)}`;
}

function isLibraryName(path: string): boolean {
  return basename(path).includes(".so");
}

/**
 * The directory of a library. Where it is a link to a file of the same name, that file's: a
 * collection of links, as a profile is, may change and need not be kept.
 */
async function directoryOf(path: string): Promise<string> {
  const real = await realpath(path).catch(() => path);
  return resolve(dirname(basename(real) === basename(path) ? real : path));
}
