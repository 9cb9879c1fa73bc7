// Where a program that a script asks for by name is: nixpkgs' patchShebangs looks on the PATH of a build; this looks on
// the user's PATH, in the running system, and in the rest of the store.
import { join } from "node:path";
import { native } from "../addon/native.js";
import { accessSync, constants, readdir, statSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { variable } from "../base/process.js";
import type { EnvCommand } from "../file/shebang.js";
import type { StoreAnswers } from "./lazy.js";
import { hostPath, isStoreEntry, realPathIn, type StorePlace, storePathOf } from "./place.js";
import { rank } from "./rank.js";

export interface FoundProgram {
  /** As seen from the root, and as a script should name it. */
  path: string;
  /** null outside the store. */
  storePath: string | null;
  reason: string;
}

/** The directories in which `env` looks for a program. Another system's PATH is unknown. */
export function programDirectories({ root, system }: StorePlace): string[] {
  if (root !== "") return [`${system}/bin`, "/usr/local/bin", "/usr/bin", "/bin"];
  // An empty element is the current directory, which may be a different one tomorrow.
  return (variable("PATH") ?? "").split(":").filter((directory) => directory.startsWith("/"));
}

/** The directories in which `env` looks, if it is started by a first line. */
export function directoriesOfEnv({ path }: EnvCommand, place: StorePlace): string[] {
  if (path === undefined) return programDirectories(place);
  // Without a PATH: confstr(3) of glibc, and musl's src/process/execvp.c, which has /usr/local/bin as well.
  if (path === null) return ["/usr/local/bin", "/bin", "/usr/bin"];
  return path.split(":").filter((directory) => directory.startsWith("/"));
}

/** The first match among the directories for an executable file with that name. */
export function programIn(
  directories: readonly string[],
  name: string,
  place: StorePlace,
): string | null {
  const paths = directories.map((directory) => join(directory, name));
  return paths.find(programTest(place)) ?? null;
}

/** What was found in each store: many scripts ask for few programs, and each search looks at every store path. */
const found = new WeakMap<StoreAnswers, Map<string, Promise<FoundProgram | null>>>();

/** The best program with a given name for a script that will name it permanently; null if there is none. */
export function findProgram(name: string, store: StoreAnswers): Promise<FoundProgram | null> {
  const programs = found.get(store) ?? new Map<string, Promise<FoundProgram | null>>();
  found.set(store, programs);
  const known = programs.get(name);
  if (known !== undefined) return known;
  const program = search(name, store);
  programs.set(name, program);
  // A search that failed for lack of descriptors may succeed next time.
  program.catch(() => programs.delete(name));
  return program;
}

async function search(name: string, store: StoreAnswers): Promise<FoundProgram | null> {
  const { place } = store;
  let outside: FoundProgram | null = null;
  for (const directory of programDirectories(place)) {
    const path = programIn([directory], name, place);
    if (path === null) continue;
    const program = await lasting(path, name, place);
    const reason =
      place.root === "" ? `found on the PATH, in ${directory}` : `found in ${directory}`;
    if (program.storePath !== null) return { ...program, reason };
    outside ??= { ...program, reason };
  }
  const inSystem = programIn([`${place.system}/bin`], name, place);
  if (inSystem !== null) {
    const program = await lasting(inSystem, name, place);
    if (program.storePath !== null) return { ...program, reason: "in the running system" };
  }
  return (await inStorePaths(name, store)) ?? outside;
}

async function inStorePaths(name: string, store: StoreAnswers): Promise<FoundProgram | null> {
  return findInStore(`bin/${name}`, store, programTest(store.place));
}

/**
 * The best store path that has a file, by its path below it; null if none does. Each store path is looked at once,
 * whether or not anything keeps it: ranking decides.
 */
export async function findInStore(
  name: string,
  store: StoreAnswers,
  isWanted: (path: string) => boolean,
): Promise<FoundProgram | null> {
  const { place } = store;
  const entries = await readdir(hostPath(place.store, place)).catch(unlessOfTheMoment([]));
  const candidates = entries
    .filter((entry) => isStoreEntry(entry) && !entry.endsWith(".drv"))
    .map((entry) => `${place.store}/${entry}`)
    .map((storePath) => ({ path: `${storePath}/${name}`, storePath, named: false }))
    .filter(({ path }) => isWanted(path));
  if (candidates.length === 0) return null;
  const [best] = rank(candidates, await store.knowledge());
  return best === undefined
    ? null
    : { path: best.path, storePath: best.storePath, reason: best.reasons.join(", ") };
}

/**
 * A profile's link may lead elsewhere tomorrow; the store path that it leads to will not change. The name is kept if
 * that store path has it: what some programs do depends on the name they are called by.
 */
async function lasting(
  path: string,
  name: string,
  place: StorePlace,
): Promise<Omit<FoundProgram, "reason">> {
  const real = await realPathIn(path, place);
  const storePath = real && storePathOf(real, place.store);
  if (real === null || !storePath) return { path, storePath: null };
  const named = `${storePath}/bin/${name}`;
  const isSame = (await realPathIn(named, place)) === real;
  return { path: isSame ? named : real, storePath };
}

/** Whether a path in the root is an executable file. */
function programTest({ root }: StorePlace): (path: string) => boolean {
  // Links in another root must not be followed on this machine.
  const files = root === "" ? null : new native.Files(root);
  return (path) => {
    const host = files?.hostPath(path) ?? path;
    try {
      accessSync(host, constants.X_OK);
      return statSync(host).isFile();
    } catch {
      return false;
    }
  };
}
