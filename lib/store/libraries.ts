// Which store path holds a file of a given name. One pass over the directories where libraries
// live; nothing is opened, because a store holds some hundred thousand of them.
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { hostPath, isStoreEntry, type StorePlace } from "./place.js";

/** Which paths have a file of a name: absolute, as seen from the root, sorted. */
export interface Libraries {
  paths(name: string): readonly string[];
  /** The names that begin so. */
  names(beginning: string): string[];
}

/** What looks like a library, in a directory where libraries live. */
export interface LibraryEntry {
  name: string;
  /** As seen from the root. */
  path: string;
  /** It is a link, or behind one. */
  isLink: boolean;
}

const libraryDirectories = ["lib", "lib64", "lib32"];
const deepest = 6;
const storePathsAtOnce = 32;

/** Whether a file's name is one that a shared library or a loader would have. */
export function looksLikeLibrary(name: string): boolean {
  return /\.so(\.[^/]+)?$/.test(name) || /^ld(64)?\.so/.test(name);
}

/** Lists the libraries of every store path; a store that is not there has none. */
export async function listLibraries(place: StorePlace): Promise<Libraries> {
  const entries = (await entriesOf(hostPath(place.store, place)))
    .map((entry) => entry.name)
    .filter((name) => isStoreEntry(name) && !name.endsWith(".drv"));
  const index = new Map<string, string[]>();
  const waiting = entries.values();
  const work = async () => {
    for (const entry of waiting) {
      for (const { name, path } of await librariesOf(`${place.store}/${entry}`, place)) {
        const paths = index.get(name);
        if (paths) paths.push(path);
        else index.set(name, [path]);
      }
    }
  };
  await Promise.all(Array.from({ length: storePathsAtOnce }, work));
  for (const paths of index.values()) paths.sort();
  return {
    paths: (name) => index.get(name) ?? [],
    names: (beginning) => [...index.keys()].filter((name) => name.startsWith(beginning)),
  };
}

/** What looks like a library in the library directories of a store path. */
export async function librariesOf(storePath: string, place: StorePlace): Promise<LibraryEntry[]> {
  const found: LibraryEntry[] = [];
  const top = hostPath(storePath, place);
  // lib64 is a link to lib in most store paths, and links may go in circles.
  const seen = new Set<string>();

  const visit = async (directory: string, depth: number, behindLink: boolean): Promise<void> => {
    const real = await realpath(join(top, directory)).catch(() => null);
    if (real === null || seen.has(real)) return;
    seen.add(real);
    for (const entry of await entriesOf(join(top, directory))) {
      const below = `${directory}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < deepest) await visit(below, depth + 1, behindLink);
      } else if (!entry.isFile() && !entry.isSymbolicLink()) {
      } else if (looksLikeLibrary(entry.name)) {
        const isLink = behindLink || entry.isSymbolicLink();
        found.push({ name: entry.name, path: `${storePath}/${below}`, isLink });
      } else if (entry.isSymbolicLink() && depth < deepest) {
        if (await staysInside(top, directory, below, storePath))
          await visit(below, depth + 1, true);
      }
    }
  };

  // A store path that is itself a link has nothing of its own.
  if ((await lstat(top).catch(() => null))?.isDirectory() !== true) return found;
  const inTop = new Map((await entriesOf(top)).map((entry) => [entry.name, entry]));
  for (const directory of libraryDirectories) {
    const entry = inTop.get(directory);
    if (entry?.isDirectory()) await visit(directory, 1, false);
    else if (entry?.isSymbolicLink() && (await staysInside(top, ".", directory, storePath)))
      await visit(directory, 1, true);
  }
  return found;
}

/** Whether a link leads to another place of its own store path, as far as its text tells. */
async function staysInside(
  top: string,
  directory: string,
  link: string,
  storePath: string,
): Promise<boolean> {
  const target = await readlink(join(top, link)).catch(() => null);
  if (target === null) return false;
  // On another root, an absolute link would be followed to this machine's store.
  if (target.startsWith("/")) return top === storePath && target.startsWith(`${storePath}/`);
  return resolve(top, directory, target).startsWith(`${top}/`);
}

async function entriesOf(directory: string) {
  // A file instead of a directory, one that may not be read, one collected a moment ago.
  return readdir(directory, { withFileTypes: true }).catch(() => []);
}
