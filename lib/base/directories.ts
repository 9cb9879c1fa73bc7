// Directories: whether one is there, and mkdir -p.
import { dirname } from "node:path";
import { mkdirSync, statSync } from "./disk.js";

/**
 * Makes a directory with those above it that are missing, all of one mode. Node's own never ends where a directory
 * that is there answers ENOENT, as /proc does: it takes that for a missing parent, makes the parent, and tries again
 * (src/node_file.cc, MKDirpSync).
 * @throws NodeJS.ErrnoException the system's, for the first that can't be made
 */
export function makeDirectories(path: string, mode = 0o777): void {
  const above = dirname(path);
  let failure = makeOne(path, mode);
  if (failure?.code === "ENOENT" && above !== path && !isDirectory(above)) {
    makeDirectories(above, mode);
    failure = makeOne(path, mode);
  }
  if (failure !== null) throw failure;
}

function makeOne(path: string, mode: number): NodeJS.ErrnoException | null {
  try {
    mkdirSync(path, { mode });
    return null;
  } catch (failure) {
    return isDirectory(path) ? null : (failure as NodeJS.ErrnoException);
  }
}

/** Whether a path leads to a directory, links followed; no where that cannot be told. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
