// Why no loader and no set of libraries will do: which need cannot be met, and what could meet it.

import { basename } from "node:path";
import type { ResolvedLibrary, VersionProblem } from "../addon/facts.js";
import { fixelfCommand } from "../base/shell.js";
import { isPartOfGlibc } from "../file/libc.js";
import { sameMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { directoryOfBoth } from "../file/together.js";
import { isGlibcVersion, versionsNeededOf } from "../file/versions.js";
import type { Problem } from "../judge/problem.js";
import type { Store } from "../store/context.js";
import {
  adviceFor,
  adviceForNewer,
  adviceForNewerGlibc,
  type MissingLibrary,
} from "../store/nixpkgs/packages.js";
import { placeOptions } from "../store/place.js";
import { lackingOf, type Member, type Solved, type Task } from "./solve.js";

/** One sentence for each problem that remains with a choice; empty if none remains. */
export async function unmetNeeds(
  solved: Solved,
  loaderPath: string | null,
  store: Store,
): Promise<string[]> {
  if (solved.problems.length === 0) return [];
  const loader = (await store.loaders()).find(({ path }) => path === loaderPath) ?? null;
  const sentence = async ({ need, message }: Problem): Promise<string> => {
    if (need?.kind === "library") return missingLibrary(need.library, solved, store);
    if (need?.kind === "version") return missingVersion(need.version, solved, loader, store);
    return message;
  };
  return [...new Set(await Promise.all(solved.problems.map(sentence)))];
}

/** The libraries that remain missing, or too old, with a choice, and the nixpkgs packages that have them. */
export async function missingLibraries(
  { problems, member, neededBeyond }: Pick<Solved, "problems" | "member" | "neededBeyond">,
  store: Store,
): Promise<MissingLibrary[]> {
  const sonames = problems.flatMap(({ need }) => {
    // A part of glibc is useless without the loader from the same build.
    if (need?.kind === "library" && !isPartOfGlibc(need.library.soname))
      return neededBeyond.has(need.library.soname) ? [] : [need.library.soname];
    return need?.kind === "version" ? [need.version.library] : [];
  });
  return Promise.all([...new Set(sonames)].map((soname) => missingFor(member, soname, store)));
}

/** The loader that a program names, if the store has none for its machine. */
export async function missingLoader(
  member: Member,
  store: Pick<Store, "loaders" | "packages">,
): Promise<MissingLibrary[]> {
  const { interpreter } = member.facts;
  const present = (await store.loaders()).some((loader) => sameMachine(loader, member.facts));
  if (interpreter === null || present) return [];
  return [await missingFor(member, basename(interpreter), store)];
}

/** A library that a member lacks, with the nixpkgs packages that have it. */
export async function missingFor(
  { facts }: Member,
  soname: string,
  store: Pick<Store, "packages">,
): Promise<MissingLibrary> {
  const packages = await store.packages(soname, facts);
  const versions = versionsNeededOf(facts, soname);
  return { soname, system: nixSystem(facts), versions, packages };
}

async function missingLibrary(
  { soname, reason }: ResolvedLibrary,
  { whyNot, member, neededBeyond }: Solved,
  store: Store,
): Promise<string> {
  const beyond = neededBeyond.get(soname);
  if (beyond !== undefined) {
    const both = directoryOfBoth(member, beyond, store.place);
    const fix = fixelfCommand("fix", both ?? beyond, placeOptions(store.place));
    return `${beyond} needs ${soname}, and finds it by no search path but its own: fix ${both === null ? "that first" : "both together"} (${fix})`;
  }
  const { packages } = await missingFor(member, soname, store);
  const advice = adviceFor(soname, packages, member.facts);
  const told = advice === null ? "" : `; ${advice}`;
  return `no library for ${soname} (${whyNot.get(soname) ?? reason}${told})`;
}

async function missingVersion(
  { library: soname, version, providerPath, neededBy }: VersionProblem,
  { member, loadedBy }: Solved,
  loader: Task["loader"],
  store: Store,
): Promise<string> {
  const said = `${providerPath} does not define ${version}, which ${neededBy} needs`;
  if (isGlibcVersion(version)) {
    if (loadedBy !== null)
      return `${said}; ${loadedBy.path}, which loads it, is started by ${loadedBy.loader}, and a library cannot have another glibc than its program: get a build of it for an older glibc, or a newer ${basename(loadedBy.path)}`;
    const newer = (await store.loaders()).find(
      (other) =>
        sameMachine(other, member.facts) &&
        other.path !== loader?.path &&
        other.definedVersions.includes(version),
    );
    return newer === undefined
      ? `${said}; no glibc in the store does: ${adviceForNewerGlibc(version)}`
      : `${said}; the glibc of ${newer.path} does, but with it something else is missing`;
  }
  const wanted = { ...member.facts, versions: [version] };
  const [other] = (await store.providers([soname], wanted)).get(soname)?.providers ?? [];
  if (other === undefined) {
    const advice = adviceForNewer(soname, member.facts, version);
    return `${said}; no ${soname} in the store does${advice === null ? "" : `: ${advice}`}`;
  }
  const lacking = lackingOf(other.facts, loader);
  const but =
    lacking.length === 0
      ? "it is not compatible with the other libraries"
      : `it needs ${lacking.join(", ")}, newer than the glibc of ${loader?.path}`;
  return `${said}; ${other.path} does, but ${but}`;
}
