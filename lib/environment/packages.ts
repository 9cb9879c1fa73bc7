// An environment in nixpkgs' terms: packages instead of store paths.
import { basename, dirname } from "node:path";
import { type Locate, locator } from "../store/nixpkgs/nix_index.js";
import {
  isPresent,
  type MissingLibrary,
  type NixpkgsPackage,
  nixIndex,
  packageOnceOf,
} from "../store/nixpkgs/packages.js";
import { packagesFor } from "../store/nixpkgs/rank.js";
import { nameOf, storePathOf } from "../store/place.js";
import type {
  Environment,
  EnvironmentProblem,
  EnvironmentProgram,
  SystemEnvironment,
} from "./environment.js";
import { type Package, packageOf } from "./nixpkgs.js";

/** A directory that the loader has to search. */
export type PackagedDirectory =
  /** Below a package: usually "/lib". */
  { package: Package; below: string } | { directory: string };

export interface PackagedSystem extends Pick<SystemEnvironment, "system" | "own"> {
  libc: Package;
  /** The loader's name in the package's `lib`. */
  loader: string;
  directories: PackagedDirectory[];
  /** What neither a store path nor any known package in the present nixpkgs has. */
  unknown: Pick<MissingLibrary, "soname" | "packages">[];
}

export interface PackagedEnvironment {
  programs: EnvironmentProgram[];
  systems: PackagedSystem[];
}

/** Whether a program is kept from running only by missing libraries that known packages have. */
export function isPackaged({ missing }: EnvironmentProblem): boolean {
  return (
    missing?.every(({ soname, packages }) => packages.some((each) => isPresent(each, soname))) ??
    false
  );
}

/** Finds the packages that an environment consists of. */
export async function packaged(
  { programs, systems: complete, incomplete }: Environment,
  store: string,
  locate: Locate = locator(),
): Promise<PackagedEnvironment> {
  const systems = [...complete, ...incomplete];
  const needing = new Set(systems.map(({ system }) => system));
  return {
    programs: programs.filter(({ runsAsItIs, system }) => !runsAsItIs && needing.has(system)),
    systems: await Promise.all(systems.map((system) => packagedSystem(system, store, locate))),
  };
}

async function packagedSystem(
  environment: SystemEnvironment,
  store: string,
  locate: Locate,
): Promise<PackagedSystem> {
  const { system, own, loader, libc, libraries, missing } = environment;
  const home = storePathOf(loader, store);
  const directories: PackagedDirectory[] = [];
  for (const directory of environment.directories) {
    const storePath = storePathOf(directory, store);
    // nixpkgs' loaders search their own directory by default.
    if (storePath !== null && storePath === home) continue;
    if (storePath === null) {
      directories.push({ directory });
      continue;
    }
    const sonames = libraries
      .filter(({ path }) => dirname(path) === directory)
      .map(({ soname }) => soname);
    const found = await packageWith(nameOf(storePath), sonames, locate);
    directories.push({ package: found, below: directory.slice(storePath.length) });
  }
  const unknown: PackagedSystem["unknown"] = [];
  for (const { soname, packages } of missing) {
    const best = packages.find((each) => isPresent(each, soname));
    if (best === undefined) unknown.push({ soname, packages });
    else directories.push({ package: withName(best, soname), below: "/lib" });
  }
  const libcName = home === null ? libc : nameOf(home);
  return {
    system,
    own,
    libc: { ...packageOf(libcName), attribute: libc === "musl" ? "musl" : "glibc", known: "name" },
    loader: basename(loader),
    directories,
    unknown,
  };
}

/**
 * The package for a store path, by the libraries that are used from it: names of store paths are not decisive (those of
 * libxcrypt and libxcrypt-legacy are the same, but only the latter has libcrypt.so.1).
 */
async function packageWith(
  name: string,
  sonames: readonly string[],
  locate: Locate,
): Promise<Package> {
  const byName = packageOf(name);
  const bySoname = sonames.flatMap((soname) => packageOnceOf(soname) ?? []);
  const present = bySoname.find(({ until }) => until === null);
  // For a source with several packages, such as util-linux, the name tells which one.
  const alike = bySoname.find(({ attribute }) => attribute === byName.attribute);
  const best = alike ?? present ?? bySoname[0];
  if (best !== undefined) return withName(best, name);
  const [soname] = sonames;
  if (byName.known !== "guessed" || soname === undefined) return byName;
  const located = await packagesFor(soname, locate);
  const found = located.filter((each) => each.soname === soname);
  const first = found.find(({ attribute }) => attribute === byName.attribute) ?? found[0];
  return first === undefined ? byName : withName(first, name);
}

function withName(found: NixpkgsPackage, name: string): Package {
  const { attribute, formerly, until, refusal, source } = found;
  const known = source === nixIndex ? "nix-index" : "soname";
  return {
    attribute,
    ...(formerly !== null && { formerly }),
    ...(until !== null && { until }),
    ...(refusal !== null && { refusal }),
    known,
    name,
  };
}
