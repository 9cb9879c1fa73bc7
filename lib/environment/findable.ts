// The libraries that a program's loader should find by name in a list, or in a farm: those that were resolved, and
// those that programs open by name while they run.
import { basename, dirname, join } from "node:path";
import type { Facts } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { readdirSync, statSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { type Machine, sameMachine } from "../file/machine.js";
import type { SystemEnvironment } from "./environment.js";

/**
 * Names, and the file for each. What was resolved takes precedence, then what the user named, then what is beside
 * these.
 */
export async function findableLibraries(
  findable: readonly string[],
  environment: SystemEnvironment,
  machine: Machine,
): Promise<Map<string, string>> {
  const found = await namedLibraries(findable, environment, machine);
  // glibc opens some of its own parts by name.
  for (const directory of [dirname(environment.loader), ...environment.directories])
    for (const name of namesIn(directory))
      if (native.looksLikeLibrary(name) && !found.has(name)) found.set(name, join(directory, name));
  return found;
}

/** Excludes what is only beside them. */
export async function namedLibraries(
  findable: readonly string[],
  { libraries }: SystemEnvironment,
  machine: Machine,
): Promise<Map<string, string>> {
  const found = new Map(libraries.map(({ soname, path }) => [soname, path]));
  for (const path of findable)
    for (const facts of await librariesAt(path)) {
      if (!sameMachine(facts, machine)) continue;
      for (const name of [basename(facts.path), facts.soname])
        if (name !== null && !found.has(name)) found.set(name, facts.path);
    }
  return found;
}

/** The directories that hold them, for a loader that can only be given directories. */
export async function findableDirectories(findable: readonly string[]): Promise<string[]> {
  const libraries = await Promise.all(findable.map(librariesAt));
  return [...new Set(libraries.flat().map(({ path }) => dirname(path)))];
}

/** A file itself, or everything below a directory. */
async function librariesAt(path: string): Promise<Facts[]> {
  const all = statSync(path).isDirectory()
    ? (await native.walk(path)).elf
    : await native.inspect(path).then((facts) => [facts], unlessOfTheMoment([]));
  return all.filter(({ type }) => type === "shared-library");
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (failure) {
    return unlessOfTheMoment([])(failure); // the loader would skip it as well
  }
}
