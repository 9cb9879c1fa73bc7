// Where the index of a store is: `$XDG_CACHE_HOME/fixelf/index-<root>!<store>/`.
import { dirname, join } from "node:path";
import { bufferOf, isUnicode } from "../../base/bytes.js";
import {
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from "../../base/disk.js";
import { homeDirectory, variable } from "../../base/process.js";
import type { StorePlace } from "../place.js";
import { checksum } from "./checksum.js";
import { isAbsence, OwnDirectory } from "./own_directory.js";

/** `$XDG_CACHE_HOME/fixelf` (XDG base directory specification 0.8). */
export function cacheDirectory(): string {
  const base = variable("XDG_CACHE_HOME");
  // The specification says to ignore relative paths.
  return join(base?.startsWith("/") ? base : join(homeDirectory(), ".cache"), "fixelf");
}

export function indexPath({ root, store }: StorePlace): string {
  // "!" is not escaped, so it marks where the root ends.
  const place = `${escaped(realOf(root))}!${escaped(store)}`;
  return join(cacheDirectory(), `index-${shortened(place)}`);
}

/** As in a URI, including each byte that is not UTF-8. */
function escaped(path: string): string {
  return path.replace(/./gsu, (character) =>
    isUnicode(character)
      ? encodeURIComponent(character)
      : `%${bufferOf(character).toString("hex").toUpperCase()}`,
  );
}

/** Makes the directory for an index, accessible to this user only. @throws FixelfError */
export function makeIndexDirectory(path: string): OwnDirectory {
  const isNew = !existsSync(path);
  const directory = OwnDirectory.make(path);
  if (isNew) removeAbandoned(dirname(path));
  return directory;
}

/** Removes the directory of an index; returns whether there was one. @throws FixelfError if it is another user's */
export function removeIndexDirectory(path: string): boolean {
  const state = lstatSync(path, { throwIfNoEntry: false });
  if (state === undefined) return false;
  if (!state.isDirectory()) {
    rmSync(path, { force: true });
    return true;
  }
  const directory = OwnDirectory.open(path);
  if (directory === null) return false;
  try {
    const names = directory.names();
    for (const name of names) directory.remove(name);
    removeEmpty(path);
    return names.length > 0;
  } finally {
    directory.close();
  }
}

/** Another process may put something into it again. */
function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (failure) {
    if (!isAbsence(failure) && (failure as NodeJS.ErrnoException).code !== "ENOTEMPTY")
      throw failure;
  }
}

/** Removes indexes, unchanged for a month, of stores that are gone, such as those of images. */
function removeAbandoned(cache: string): void {
  for (const entry of readdirSync(cache)) {
    const place = /^index-(.*)!(.*)$/.exec(entry);
    if (place === null) continue;
    const path = join(cache, entry);
    try {
      const store = decodeURIComponent(`${place[1]}${place[2]}`);
      const age = Date.now() - statSync(path).mtimeMs;
      if (age > longestAbsence && !existsSync(store)) removeIndexDirectory(path);
    } catch {
      // A shortened name, another user's index, or one that another process is removing too.
    }
  }
}

/** Milliseconds: an image may be mounted again. */
const longestAbsence = 30 * 24 * 3600 * 1000;

/** Bytes; a file name may have 255. */
const longestName = 200;

/** The text, or if it is longer than a file name may be, its beginning and a checksum of the whole. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longestName) return text;
  const beginning = bytes.toString("latin1", 0, longestName - 10);
  return `${beginning}~${checksum(bytes).toString(16).padStart(8, "0")}`;
}

function realOf(root: string): string {
  try {
    return root === "" ? "" : realpathSync(root);
  } catch {
    return root;
  }
}
