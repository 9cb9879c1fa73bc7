// The search path that a file gets, and whether the loader will find in it what was chosen.
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Facts } from "../facts.js";
import { currentSearchPath } from "../fix/search_path.js";
import { sameMachine } from "../machine.js";
import type { NativeFiles } from "../native.js";

/** One entry, and the directory that it stands for in one file. */
export interface Entry {
  text: string;
  directory: string;
}

/** That a search must end at a library of that name in that directory. */
export interface Aim {
  name: string;
  entry: Entry;
  /** Versions that it must define. */
  versions: readonly string[];
  /** The loader's default directory comes after every entry, so this one is only added at need. */
  isDefault: boolean;
}

export function entryOf(text: string, path: string): Entry {
  // A textual ".." would miss where the directory is a link: the kernel goes through it.
  const directory = text.replace(/^\$(ORIGIN|\{ORIGIN\})(?=\/|$)/, () => dirname(path));
  return { text, directory };
}

/** The file's own entries that move with it, where they lead to a directory. */
export function originEntries(facts: Facts): Entry[] {
  return currentSearchPath(facts)
    .entries.filter((text) => /^\$(ORIGIN|\{ORIGIN\})(\/|$)/.test(text))
    .map((text) => entryOf(text, facts.path))
    .filter(({ directory }) => statSync(directory, { throwIfNoEntry: false })?.isDirectory());
}

/** The versions that a library lacks; one that defines none at all is taken by the loader. */
export function lacking(versions: readonly string[], { versionsDefined }: Facts): string[] {
  if (versionsDefined.length === 0) return [];
  return versions.filter((version) => !versionsDefined.includes(version));
}

/** What the loader would open of that name in a directory, or null where it would go on. */
export function loadable(
  directory: string,
  name: string,
  member: Facts,
  disk: NativeFiles,
): Facts | null {
  const { facts } = disk.look(join(directory, name));
  return facts !== null && sameMachine(facts, member) ? facts : null;
}

/**
 * Puts a directory before those in which the loader would come upon a library of the same name that
 * does not define what is needed, or that is not the loader's own libc. All else stays in order.
 */
export function inLoadOrder(
  entries: readonly Entry[],
  aims: readonly Aim[],
  member: Facts,
  disk: NativeFiles,
): Entry[] {
  const order = [...entries];
  // Two libraries may each want to be before the other; then no order is right.
  const moved = new Set<string>();
  for (const { name, entry, versions, isDefault } of aims) {
    const wrong = order.findIndex((other) => {
      const facts = loadable(other.directory, name, member, disk);
      if (facts === null || other.text === entry.text) return false;
      return isDefault ? !sameFile(other, entry, name, disk) : lacking(versions, facts).length > 0;
    });
    const place = order.findIndex(({ text }) => text === entry.text);
    if (wrong < 0 || (place >= 0 && place < wrong) || moved.has(entry.text)) continue;
    moved.add(entry.text);
    if (place >= 0) order.splice(place, 1);
    order.splice(wrong, 0, entry);
  }
  return order;
}

function sameFile(one: Entry, two: Entry, name: string, disk: NativeFiles): boolean {
  const [first, second] = [one, two].map(({ directory }) => realPath(join(directory, name), disk));
  return first === second;
}

/** The path without links; the path itself where nothing is there. */
export function realPath(path: string, disk: NativeFiles): string {
  try {
    return disk.realPath(path);
  } catch {
    return path;
  }
}
