// The libraries to choose from, in order of preference: those that come with what is patched, then those from --libs,
// each followed by what its own search path leads to.
import { basename, dirname, relative } from "node:path";
import type { Facts } from "../../addon/facts.js";
import { realpath } from "../../base/disk.js";
import { absolute } from "../../base/process.js";
import { currentSearchPath } from "../../file/search_path.js";
import { inspect, type Place, readPlace } from "./place.js";
import { isStub } from "./stubs.js";

export interface Candidate {
  /** The file's name, by which the loader opens it. */
  name: string;
  /** The directory that a search path has to name. */
  directory: string;
  facts: Facts;
  /** Whether it comes with what is patched. */
  bundled: boolean;
}

export class Candidates {
  readonly #byName = new Map<string, Candidate[]>();
  readonly #bySoname = new Map<string, Candidate[]>();

  add(candidate: Candidate): void {
    append(this.#byName, candidate.name, candidate);
    const { soname } = candidate.facts;
    if (soname !== null && soname !== candidate.name) append(this.#bySoname, soname, candidate);
  }

  /** The files with that name: bundled ones first, starting with the nearest to a directory. */
  named(name: string, from: string): Candidate[] {
    return byDistance(this.#byName.get(name) ?? [], from);
  }

  /** The files with another name whose soname it is, in the same order. */
  callingThemselves(soname: string, from: string): Candidate[] {
    return byDistance(this.#bySoname.get(soname) ?? [], from);
  }
}

/**
 * A tree may have several libraries with the same name, for several programs. Nearer means fewer steps up, then fewer
 * steps down. Libraries that are not bundled keep their order, and come last.
 */
function byDistance(candidates: readonly Candidate[], from: string): Candidate[] {
  if (candidates.length < 2) return [...candidates];
  const measured = candidates.map((candidate) => {
    const steps = candidate.bundled ? relative(from, candidate.directory).split("/") : [];
    const up = steps.filter((step) => step === "..").length;
    return { candidate, up: candidate.bundled ? up : Number.MAX_SAFE_INTEGER, all: steps.length };
  });
  return measured
    .sort((one, two) => one.up - two.up || one.all - two.all)
    .map(({ candidate }) => candidate);
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** What was found along the way. */
export interface Collected {
  candidates: Candidates;
  /** Files that are named like libraries, but hold only a library's debug information. */
  debugObjects: string[];
}

/**
 * Collects libraries from the places to patch (none with --ignore-existing), from the directories that their programs
 * pass on to the libraries they load, and from the directories and files that --libs names.
 */
export async function collectCandidates(
  existing: ReadonlyMap<string, Place>,
  inherited: readonly string[],
  libs: readonly string[],
): Promise<Collected> {
  const collected: Collected = { candidates: new Candidates(), debugObjects: [] };
  const visited = new Set<string>();
  const visit = async (path: string, known: Place | undefined): Promise<string[]> => {
    if (visited.has(path)) return [];
    visited.add(path);
    return takeFrom(known ?? (await readPlace(path, false)), known !== undefined, collected);
  };
  for (const starts of [[...existing.keys()], inherited, libs]) {
    const queue = [...starts];
    for (let path = queue.shift(); path !== undefined; path = queue.shift())
      queue.push(...(await visit(path, existing.get(path))));
  }
  return collected;
}

/** Adds a place's libraries; returns where their own search paths lead. */
async function takeFrom(
  place: Place,
  bundled: boolean,
  { candidates, debugObjects }: Collected,
): Promise<string[]> {
  const linked = await Promise.all(place.links.filter(isLibraryName).map(inspect));
  const files = [
    ...place.files.filter(({ path }) => isLibraryName(path)),
    ...linked.flatMap((result) => ("facts" in result ? [result.facts] : [])),
  ];
  const further: string[] = [];
  files.sort((first, second) => (orderOf(first.path) < orderOf(second.path) ? -1 : 1));
  const realPaths = await Promise.all(files.map(({ path }) => realpath(path).catch(() => path)));
  for (const [index, facts] of files.entries()) {
    const realPath = realPaths[index] as string;
    if (isStub(facts.path, realPath)) continue;
    if (facts.type === "shared-library" || facts.type === "pie") {
      const directory = directoryOf(facts.path, realPath);
      candidates.add({ name: basename(facts.path), directory, facts, bundled });
      further.push(...currentSearchPath(facts).entries.filter((entry) => entry.startsWith("/")));
    } else if (facts.dynamicTable === "unread") {
      debugObjects.push(facts.path);
    }
  }
  return further;
}

/** Sorts by directory, with a directory's own files before those of its subdirectories. */
function orderOf(path: string): string {
  return `${dirname(path)}/\0${basename(path)}`;
}

function isLibraryName(path: string): boolean {
  return basename(path).includes(".so");
}

/**
 * The directory of a library. If it is a link to a file of the same name, that file's: a collection of links, such as a
 * profile, may change and need not be kept.
 */
function directoryOf(path: string, realPath: string): string {
  return absolute(dirname(basename(realPath) === basename(path) ? realPath : path));
}
