// The directory that holds two files of one program's tree: what is named to have both changed.
import { dirname, join, relative } from "node:path";
import { homeDirectory } from "../base/process.js";
import { insideRoot, type OtherSystem } from "./rooted.js";

/** Whether many programs share a directory, so that it is no program's tree. */
export function isShared(directory: string): boolean {
  const home = homeDirectory();
  return [home, join(home, ".local"), "/", "/usr", "/usr/local", "/opt"].includes(directory);
}

/**
 * The innermost directory with both, named as the user would name it; null where many programs share that one.
 * @param named as the caller named it, and as seen from the root
 * @param other as seen from the root, without links
 */
export function directoryOfBoth(
  named: { shown: string; path: string },
  other: string,
  system: OtherSystem,
): string | null {
  const own = dirname(named.path);
  let both = own;
  while (both !== "/" && !other.startsWith(`${both}/`)) both = dirname(both);
  if (isShared(both)) return null;
  // Past a link, ".." may lead elsewhere.
  const shown = join(dirname(named.shown), relative(own, both));
  return insideRoot(shown, system).path === both ? shown : both;
}
