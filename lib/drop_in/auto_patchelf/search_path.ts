// The search path that a file gets, and whether the loader will find in it what was chosen.
import { dirname, join } from "node:path";
import type { Facts } from "../../addon/facts.js";
import { absolute } from "../../base/process.js";
import { sameMachine } from "../../file/machine.js";
import { currentSearchPath, fromOrigin, hasOrigin, withoutOrigin } from "../../file/search_path.js";
import type { Disk } from "./disk.js";
import { isStubDirectory } from "./stubs.js";

/** One entry, and the directory that it means for one file. */
export interface Entry {
  text: string;
  directory: string;
}

/** A requirement: a search must end at a library with that name in that directory. */
export interface Aim {
  name: string;
  entry: Entry;
  /** Versions that it must define. */
  versions: readonly string[];
  /** The loader's default directory comes after every entry, so this one is added only when needed. */
  isDefault: boolean;
}

export function entryOf(text: string, path: string): Entry {
  return { text, directory: withoutOrigin(text, path) };
}

/** The file's own entries that move with it, if they lead to a directory with libraries to load. */
export function originEntries(facts: Facts, disk: Disk): Entry[] {
  return currentSearchPath(facts)
    .entries.filter(hasOrigin)
    .map((text) => entryOf(text, facts.path))
    .filter(({ directory }) => disk.isDirectory(directory) && !isStubDirectory(directory));
}

/**
 * The entry by which a file reaches a directory; null if there is none. A search path is split at colons: glibc does so
 * before it expands $ORIGIN (elf/dl-load.c, fillin_rpath), so a directory whose name has a colon may still be reached
 * from within; musl does so afterwards (ldso/dynlink.c, fixup_rpath and path_open).
 */
export function entryTo(
  directory: string,
  path: string,
  { musl, disk }: { musl: boolean; disk: Disk },
): Entry | null {
  if (!directory.includes(":")) return { text: directory, directory };
  const text = byOrigin(directory, path, disk);
  return musl || text.includes(":") ? null : { text, directory };
}

/** The same entry relative to $ORIGIN, if both file and directory are at or below one of the roots. */
export function relativized(
  entry: Entry,
  path: string,
  roots: readonly string[],
  disk: Disk,
): Entry {
  if (hasOrigin(entry.text) || !entry.text.startsWith("/")) return entry;
  const [file, directory] = [disk.realPath(absolute(path)), disk.realPath(entry.directory)];
  const isShared = roots.some((root) => {
    const top = disk.realPath(absolute(root));
    return isWithin(file, top) && isWithin(directory, top);
  });
  return isShared ? { ...entry, text: byOrigin(entry.directory, path, disk) } : entry;
}

function isWithin(path: string, top: string): boolean {
  return path === top || path.startsWith(top === "/" ? top : `${top}/`);
}

/** Between the places without links: the kernel follows a link before it goes up. */
function byOrigin(directory: string, path: string, disk: Disk): string {
  return fromOrigin(join(disk.realPath(dirname(absolute(path))), "file"), disk.realPath(directory));
}

/** The versions that a library lacks; the loader accepts one that defines none at all. */
export function lacking(versions: readonly string[], { versionsDefined }: Facts): string[] {
  if (versionsDefined.length === 0) return [];
  return versions.filter((version) => !versionsDefined.includes(version));
}

/** What the loader would open under that name in a directory, or null if it would go on. */
export function loadable(directory: string, name: string, member: Facts, disk: Disk): Facts | null {
  // Not join(): it would collapse ".." in the text.
  const facts = disk.facts(`${directory}/${name}`);
  return facts !== null && sameMachine(facts, member) ? facts : null;
}

/** A case where the loader would find a library other than the one aimed at. */
interface Conflict {
  aim: Aim;
  /** The entry that it would use, and its index. */
  taken: Entry;
  at: number;
}

/**
 * Moves a directory ahead of those in which the loader would find a library of the same name that does not define what
 * is needed, or that is not the loader's own libc. Everything else keeps its order. If two libraries each have to come
 * before the other, conflicts remain.
 */
export function inLoadOrder(
  entries: readonly Entry[],
  aims: readonly Aim[],
  member: Facts,
  disk: Disk,
): { order: Entry[]; conflicts: Conflict[] } {
  const order = [...entries];
  const moved = new Set<string>();
  for (;;) {
    const conflicts = aims.flatMap((aim) => conflictOf(aim, order, member, disk) ?? []);
    const next = conflicts.find(({ aim }) => !moved.has(aim.entry.text));
    if (next === undefined) return { order, conflicts };
    const { entry } = next.aim;
    moved.add(entry.text);
    const place = order.findIndex(({ text }) => text === entry.text);
    if (place >= 0) order.splice(place, 1);
    order.splice(next.at, 0, entry);
  }
}

function conflictOf(aim: Aim, order: readonly Entry[], member: Facts, disk: Disk): Conflict | null {
  const { name, entry, versions, isDefault } = aim;
  for (const [at, taken] of order.entries()) {
    if (taken.text === entry.text) return null;
    const facts = loadable(taken.directory, name, member, disk);
    if (facts === null) continue;
    const isWrong = isDefault
      ? disk.realPath(`${taken.directory}/${name}`) !== disk.realPath(`${entry.directory}/${name}`)
      : lacking(versions, facts).length > 0;
    return isWrong ? { aim, taken, at } : null;
  }
  return null;
}
