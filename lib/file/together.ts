// The directory that holds two files of one program's tree: the one to name so that both get changed.
import { basename, dirname, join, relative } from "node:path";
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { homeDirectory } from "../base/process.js";
import { libcOf } from "./libc.js";
import { sameMachine } from "./machine.js";
import { insideRoot, type OtherSystem } from "./rooted.js";

/** Whether many programs share a directory, so that it is not one program's tree. */
export function isShared(directory: string): boolean {
  const home = homeDirectory();
  return [home, join(home, ".local"), "/", "/usr", "/usr/local", "/opt"].includes(directory);
}

/**
 * The innermost directory that contains both, named as the user would name it; null if many programs share it.
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
  // After a link, ".." may lead elsewhere.
  const shown = join(dirname(named.shown), relative(own, both));
  return insideRoot(shown, system).path === both ? shown : both;
}

/** Files by each name under which they may be needed, in their order. */
export function byEachName<File extends { path: string; facts: Facts }>(
  files: Iterable<File>,
): Map<string, File[]> {
  const byName = new Map<string, File[]>();
  for (const file of files)
    for (const name of new Set([basename(file.path), file.facts.soname])) {
      if (name === null) continue;
      const alike = byName.get(name);
      if (alike === undefined) byName.set(name, [file]);
      else alike.push(file);
    }
  return byName;
}

/**
 * A library that a file could load from where packages put their own, although no search path leads there; null if
 * there is none. Paths are as seen from the root.
 */
export function libraryBeside(
  soname: string,
  { path, facts }: { path: string; facts: Facts },
  files: NativeFiles,
): string | null {
  if (soname.includes("/")) return null;
  const own = dirname(path);
  const places = [own, join(own, "lib"), ...["lib", "lib64"].map((name) => join(own, "..", name))];
  const fits = (candidate: string) => {
    const found = files.look(candidate).facts;
    if (found?.type !== "shared-library" || !sameMachine(found, facts)) return false;
    return libcOf(found) === libcOf(facts);
  };
  return places.map((place) => join(place, soname)).find(fits) ?? null;
}
