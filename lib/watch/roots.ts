// The watched directories, and which program a path below them belongs to.
import { basename, dirname, join } from "node:path";
import { fromNative, native } from "../addon/native.js";
import { isDirectory } from "../base/directories.js";
import { existsSync, readdir } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { absolute } from "../base/process.js";
import type { WatchedDirectory } from "./presets.js";

export interface Root {
  /** Absolute, and without symbolic links as far as it exists. */
  path: string;
  depth: number;
}

/** The deepest level at which a program's tree may begin. */
const mostDepth = 16;

/** The path of a directory that is to be watched. */
export function pathOf(given: string | WatchedDirectory): string {
  return typeof given === "string" ? given : given.path;
}

/**
 * Makes sure that each may be watched.
 * @throws FixelfError `usage`, also for "/" and any directory that contains the store, and `in-store`
 */
export function rootsOf(
  directories: readonly (string | WatchedDirectory)[],
  store: string,
): Root[] {
  const roots = new Map<string, Root>();
  for (const given of directories) {
    const named = pathOf(given);
    const { depth = 1 } = typeof given === "string" ? {} : given;
    if (!Number.isInteger(depth) || depth < 0 || depth > mostDepth)
      throw new FixelfError("usage", `the depth has to be a number from 0 to ${mostDepth}`);
    const path = real(absolute(named));
    if (path === store || path.startsWith(`${store}/`)) {
      const message = `${named} is in the store, which only Nix may write to`;
      throw new FixelfError("in-store", message, { path: named });
    }
    if (path === "/" || store.startsWith(`${path}/`)) {
      const message = `${named} contains the whole system: name the directories in which programs arrive`;
      throw new FixelfError("usage", message, { path: named });
    }
    if (existsSync(path) && !isDirectory(path))
      throw new FixelfError("usage", `${named} is a file: name the directory that it is in`, {
        path: named,
      });
    roots.set(path, { path, depth });
  }
  if (roots.size === 0) throw new FixelfError("usage", "name a directory to watch");
  return [...roots.values()];
}

/** Without links as far as it exists, and the rest as it is: a root may be created later. */
function real(path: string): string {
  try {
    return native.realPath(path);
  } catch (failure) {
    // Another user's link to something that is not that user's.
    if (fromNative(failure).code === "permission-denied") throw failure;
    return path === "/" ? path : join(real(dirname(path)), basename(path));
  }
}

/**
 * The top of the program that a path belongs to, or the path itself if it is a file above that level; null if it is
 * only on the way to programs. The deepest root counts.
 */
export function subjectOf(path: string, roots: readonly Root[], directory: boolean): string | null {
  const root = rootOf(path, roots);
  if (root === undefined) return null;
  const names = path.slice(root.path.length + 1).split("/");
  if (path === root.path) return root.depth === 0 ? path : null;
  if (names.length < root.depth) return directory ? null : path;
  return [root.path, ...names.slice(0, root.depth)].join("/");
}

function rootOf(path: string, roots: readonly Root[]): Root | undefined {
  return roots
    .filter((root) => path === root.path || path.startsWith(`${root.path}/`))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** All programs at or below a directory. One that cannot be listed has none. */
export async function subjectsAt(directory: string, roots: readonly Root[]): Promise<string[]> {
  const own = subjectOf(directory, roots, true);
  if (own !== null) return [own];
  const subjects: string[] = [];
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) subjects.push(...(await subjectsAt(path, roots)));
    else if (entry.isFile()) subjects.push(path);
  }
  return subjects;
}
