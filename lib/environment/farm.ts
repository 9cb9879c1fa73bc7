// A farm: one directory with a link to each library, to be searched instead of all their directories.
//
// It is itself a link to a directory beside it whose name identifies its content, so that one rename replaces all links
// together, and the next run completes one that was killed. What was not made here is never removed.
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { underSignal } from "../addon/cancellation.js";
import { native } from "../addon/native.js";
import { checkList, checkOptions, checkPath, checkTexts } from "../base/arguments.js";
import { lstat, readdir, readlink, rename, rmdir, symlink, unlink } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { absolute } from "../base/process.js";
import { HeldDirectory } from "../file/held_directory.js";
import { addRoots } from "../fix/gc_roots.js";
import { Nix } from "../store/nix.js";
import { checkPlace, type StorePlace, storePathOf } from "../store/place.js";
import type { SystemEnvironment } from "./environment.js";
import { namedLibraries } from "./findable.js";

/** A directory of links to libraries, for search paths to name. */
export interface Farm {
  /** Absolute. */
  path: string;
  /** Names of the links, and their targets. */
  links: Record<string, string>;
  /** Why garbage collection may remove what the links lead to, or null. */
  unrooted: string | null;
}

/** The name that the loader has in a farm. */
const loaderName = "ld.so";

/**
 * Makes or renews the farm, including the libraries in `libraryDirectories`, which nothing else will name, and
 * registers what it leads to with Nix.
 * @throws FixelfError `usage` if something else is there, or if there is more than one machine; `cancelled` if the
 *   signal aborts before anything is made, with its reason as the cause
 */
export async function makeFarm(
  directory: string,
  systems: readonly SystemEnvironment[],
  place: StorePlace,
  libraryDirectories: readonly string[] = [],
  options: { signal?: AbortSignal } = {},
): Promise<Farm> {
  checkPath("makeFarm", directory);
  checkList("makeFarm", "the systems", systems);
  checkPlace("makeFarm", place);
  checkTexts("makeFarm", "the library directories", libraryDirectories);
  checkOptions<{ signal?: AbortSignal }>("makeFarm", options, { signal: "AbortSignal" });
  const path = absolute(directory);
  const [environment, ...others] = systems;
  if (environment === undefined)
    throw new FixelfError("usage", "nothing has to be set, so there is nothing to make a farm of");
  if (others.length > 0) {
    const names = systems.map(({ system }) => system).join(" and ");
    const message = `a farm is for one machine, and the programs are for ${names}; make one for each`;
    throw new FixelfError("usage", message);
  }
  const links = await underSignal(options.signal, () =>
    linksOf(environment, libraryDirectories, place),
  );
  const unrooted = await HeldDirectory.of(path).during((above) =>
    makeIn(above, path, links, place),
  );
  return { path, links: Object.fromEntries(links), unrooted };
}

/** Returns why its links are not kept from garbage collection, or null. */
async function makeIn(
  above: HeldDirectory,
  path: string,
  links: readonly [string, string][],
  place: StorePlace,
): Promise<string | null> {
  const before = await ownGeneration(above, path);
  const generation = await makeGeneration(above, path, links);
  // Roots first: no garbage collection may come in between.
  const storePaths = links.map(([, target]) => storePathOf(target, place.store));
  const named = [...new Set(storePaths.filter((each) => each !== null))];
  const rooted = [{ file: path, storePaths: named }];
  const [problem = null] = await addRoots(rooted, new Nix(place));
  if (before !== generation) {
    await pointAt(above, basename(path), generation);
    if (before !== null) await removeGeneration(above, before);
  }
  return problem;
}

async function linksOf(
  environment: SystemEnvironment,
  libraryDirectories: readonly string[],
  { root }: StorePlace,
): Promise<[name: string, target: string][]> {
  const { loader } = environment;
  const libraries =
    libraryDirectories.length === 0
      ? new Map(environment.libraries.map(({ soname, path }) => [soname, path]))
      : await namedLibraries(
          libraryDirectories.map((directory) => absolute(directory)),
          environment,
          await native.inspect(new native.Files(root).hostPath(loader)),
        );
  const links = new Map<string, string>();
  for (const [name, path] of libraries) {
    // A name with a slash is opened as it is, and not searched for.
    if (!name.includes("/") && name !== "." && name !== "..") links.set(name, path);
  }
  links.set(loaderName, loader);
  // For musl programs, a stand-in finds the loader by its own name, whatever ld.so is.
  if (environment.libc === "musl") links.set(basename(loader), loader);
  return [...links].sort(([first], [second]) => (first < second ? -1 : 1));
}

/** The name of the directory that our farm leads to; null if there is none yet. */
async function ownGeneration(above: HeldDirectory, path: string): Promise<string | null> {
  const link = above.at(basename(path));
  const state = await lstat(link).catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === "ENOENT") return null;
    throw failure;
  });
  if (state === null) return null;
  const target = state.isSymbolicLink() ? await readlink(link) : "";
  if (isGeneration(target, path)) return target;
  const message = `${path} already exists and is not a fixelf farm; name another directory`;
  throw new FixelfError("usage", message, { path });
}

function isGeneration(name: string, path: string): boolean {
  const beginning = beginningOf(path);
  return name.startsWith(beginning) && /^[0-9a-f]{16}$/.test(name.slice(beginning.length));
}

function beginningOf(path: string): string {
  return `.${basename(path)}.fixelf-`;
}

async function makeGeneration(
  above: HeldDirectory,
  path: string,
  links: readonly [string, string][],
): Promise<string> {
  const digest = createHash("sha256").update(JSON.stringify(links)).digest("hex").slice(0, 16);
  const name = beginningOf(path) + digest;
  await above.own(name).during(async (directory) => {
    for (const [link, target] of links) await pointAt(directory, link, target);
  });
  return name;
}

/** Makes a link, or redirects it, in one step. */
async function pointAt(directory: HeldDirectory, name: string, target: string): Promise<void> {
  const link = directory.at(name);
  if ((await readlink(link).catch(() => null)) === target) return;
  const temporary = directory.at(`.${name}.${process.pid}.new`);
  await unlink(temporary).catch(() => undefined);
  await symlink(target, temporary);
  await rename(temporary, link);
}

/**
 * Removes the links; if there is anything else, that and the directory stay, as does anything that is another user's.
 */
async function removeGeneration(above: HeldDirectory, name: string): Promise<void> {
  try {
    await above.own(name).during(async (directory) => {
      for (const entry of await readdir(directory.at("."), { withFileTypes: true }))
        if (entry.isSymbolicLink()) await unlink(directory.at(entry.name)).catch(() => undefined);
    });
    await rmdir(above.at(name));
  } catch {
    // It is merely useless.
  }
}
