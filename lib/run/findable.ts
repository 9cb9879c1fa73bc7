// The libraries that a program's loader is to find by name in a list: those that were resolved, and what
// programs open by name as they run.
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Facts } from "../addon/facts.js";
import { native, settled } from "../addon/native.js";
import type { SystemEnvironment } from "../environment/environment.js";
import { type Machine, sameMachine } from "../file/machine.js";
import { looksLikeLibrary } from "../store/libraries.js";

/** Names, and the file for each. What was resolved wins, then what the user named, then what is beside. */
export async function findableLibraries(
  findable: readonly string[],
  environment: SystemEnvironment,
  machine: Machine,
): Promise<Map<string, string>> {
  const found = new Map(environment.libraries.map(({ soname, path }) => [soname, path]));
  const add = (name: string, path: string) => {
    if (!found.has(name)) found.set(name, path);
  };
  for (const path of findable)
    for (const facts of await librariesAt(path)) {
      if (!sameMachine(facts, machine)) continue;
      add(basename(facts.path), facts.path);
      if (facts.soname !== null) add(facts.soname, facts.path);
    }
  // glibc opens parts of its own by name.
  for (const directory of [dirname(environment.loader), ...environment.directories])
    for (const name of namesIn(directory))
      if (looksLikeLibrary(name)) add(name, join(directory, name));
  return found;
}

/** The directories that hold them, for a loader that is told directories only. */
export async function findableDirectories(findable: readonly string[]): Promise<string[]> {
  const libraries = await Promise.all(findable.map(librariesAt));
  return [...new Set(libraries.flat().map(({ path }) => dirname(path)))];
}

/** Of a file itself, of a directory all below it. */
async function librariesAt(path: string): Promise<Facts[]> {
  const all = statSync(path).isDirectory()
    ? (await settled(native.walk(path))).elf
    : [await settled(native.inspect(path))];
  return all.filter(({ type }) => type === "shared-library");
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // the loader would pass over it as well
  }
}
