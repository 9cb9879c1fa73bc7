// The files with a given name that could be used, from the user's directories and from the store.
import { dirname, join } from "node:path";
import { existsSync } from "../base/disk.js";
import type { Knowledge } from "./closure.js";
import type { Inspected, Inspector } from "./inspector.js";
import type { Libraries } from "./libraries.js";
import { hostPath, type StorePlace, storePathOf } from "./place.js";
import type { Candidate } from "./rank.js";

/** What the searches in lib/store work with. */
export interface StoreContext {
  readonly place: StorePlace;
  readonly inspector: Inspector;
  /** Directories that the user named (`--lib`), as seen from the root. */
  readonly userLibraryDirectories: readonly string[];
  /** The loader that the user named, as seen from the root. */
  readonly userLoader: string | null;
  libraries(): Promise<Libraries>;
  knowledge(): Promise<Knowledge>;
}

export interface FileCandidate extends Candidate, Inspected {}

/** The paths that lead to ELF files; a file with several paths appears once. */
export async function inspectCandidates(
  context: StoreContext,
  paths: readonly string[],
  named: readonly string[],
): Promise<FileCandidate[]> {
  const { store } = context.place;
  const byFile = new Map<string, FileCandidate>();
  for (const path of [...named, ...paths]) {
    const inspected = await context.inspector.inspect(path);
    if (inspected === null) continue;
    const candidate: FileCandidate = {
      ...inspected,
      path,
      storePath: storePathOf(path, store),
      named: named.includes(path),
    };
    const other = byFile.get(inspected.realPath);
    if (other === undefined || isBetterName(candidate, other, store))
      byFile.set(inspected.realPath, candidate);
  }
  return [...byFile.values()];
}

/** The paths in the user's directories where a file with that name exists. */
export function namedPaths(context: StoreContext, name: string): string[] {
  return context.userLibraryDirectories
    .map((directory) => join(directory, name))
    .filter((path) => existsSync(hostPath(path, context.place)));
}

/** A file that has to be in the same directory: the loader's libc. */
export function besides(path: string, name: string): string {
  return join(dirname(path), name);
}

/** A link from an environment into the package keeps nothing alive that the package's own path would not. */
function isBetterName(one: FileCandidate, other: FileCandidate, store: string): boolean {
  if (one.named !== other.named) return one.named;
  const home = storePathOf(one.realPath, store);
  return one.storePath === home && other.storePath !== home;
}
