// Which libraries a program and what comes with it get (DESIGN 7.1, 7.3, 7.4), with one loader for
// all of them. Nothing is written: each round assumes the search paths chosen so far, resolves
// again as the loader would, and provides for what is still missing.
import { basename, dirname, join } from "node:path";
import picomatch from "picomatch";
import type { Facts, Resolution, ResolvedLibrary } from "../addon/facts.js";
import { type NativeFiles, native, settled } from "../addon/native.js";
import { resolveAllWith } from "../addon/resolutions.js";
import { sameMachine } from "../file/machine.js";
import {
  currentSearchPath,
  fromOrigin,
  type SearchPathTag,
  workingEntries,
} from "../file/search_path.js";
import { isGlibcVersion } from "../file/versions.js";
import { factsOf, realPathOf } from "../judge/loaded.js";
import type { Store } from "../store/context.js";
import type { Providers } from "../store/find.js";

/** A file that may be changed. */
export interface Member {
  path: string;
  facts: Facts;
}

/** What a member is to say after the fix. */
export interface Solved {
  member: Member;
  interpreter: string | null;
  /** The loader that was assumed for a library. */
  assumed: string | null;
  tag: SearchPathTag;
  entries: string[];
  reasons: string[];
  /** Sonames that stay missing, with what was found out. */
  unresolved: { soname: string; why: string; neededBy: string }[];
  /** Directories that were taken from the store, the loader's own left out. */
  chosen: Set<string>;
  resolution: Resolution;
}

export interface Problem {
  members: readonly Member[];
  /** Found below the named directory: may serve one another. */
  bundled: readonly Member[];
  /** What programs are to get; null leaves them theirs. */
  loader: { path: string; definedVersions: readonly string[] } | null;
  /** The loader to assume for libraries, which name none; null for the machine's usual one. */
  assumed: string | null;
  store: Store;
  root: string;
  outside: readonly string[];
  ignoreMissing: readonly string[];
  /** Directories of the store that must not be taken: with them nothing fits together. */
  excluded: ReadonlySet<string>;
}

/** What is found out once for all members and all rounds. */
interface Known {
  /** What the store has, by soname and needed versions. All members are for one machine. */
  provided: Map<string, Promise<Providers | undefined>>;
  /** The bundled files by each name that one may be needed by, in their order. */
  bundled: ReadonlyMap<string, readonly Member[]>;
  /** Whether a path leads to an ELF file. */
  isElf: (path: string) => boolean;
  /** The versions that members need, by library. */
  versions: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Rounds are bounded: each adds at least one directory to one member, or ends it. */
const mostRounds = 32;

export async function solve(problem: Problem): Promise<Solved[]> {
  const { members, root } = problem;
  const files = new native.Files(root);
  for (const path of problem.outside) files.passThrough(path);
  const drafts = members.map((member) => draftOf(member, problem, files));
  await assume(drafts, files);
  const draftsByPath = new Map(drafts.map((draft) => [draft.member.path, draft]));
  const known = knownOf(problem, files);
  for (let round = 0; round < mostRounds; round++) {
    // All are resolved before any changes: each round sees what the one before has chosen.
    await resolveDrafts(drafts, problem.assumed, files);
    const touched = new Set<Solved>();
    for (const draft of drafts) await provide(draft, draftsByPath, problem, files, known, touched);
    if (touched.size === 0) break;
    await assume(touched, files);
  }
  return drafts;
}

function knownOf({ members, bundled }: Problem, files: NativeFiles): Known {
  const byName = new Map<string, Member[]>();
  for (const member of bundled) {
    const { path, facts } = member;
    for (const name of new Set([basename(path), facts.soname]))
      if (name !== null) listed(byName, name, () => []).push(member);
  }
  const versions = new Map<string, Set<string>>();
  for (const { facts } of members) addVersions(facts, versions);
  const elf = new Map<string, boolean>();
  const isElf = (path: string) => listed(elf, path, () => files.look(path).state === "elf");
  return { provided: new Map(), bundled: byName, isElf, versions };
}

function addVersions({ versionsNeeded }: Facts, to: Map<string, Set<string>>): void {
  for (const { library, versions } of versionsNeeded) {
    const names = listed(to, library, () => new Set<string>());
    for (const { name, weak } of versions) if (!weak) names.add(name);
  }
}

function listed<T>(map: Map<string, T>, key: string, make: () => T): T {
  const present = map.get(key) ?? make();
  map.set(key, present);
  return present;
}

function draftOf(member: Member, { loader, assumed }: Problem, files: NativeFiles): Solved {
  const { tag, entries } = currentSearchPath(member.facts);
  const isProgram = member.facts.interpreter !== null && member.facts.type !== "shared-library";
  return {
    member,
    interpreter: isProgram && loader !== null ? loader.path : null,
    assumed,
    tag,
    entries: workingEntries(entries, files),
    reasons: [],
    unresolved: [],
    chosen: new Set(),
    resolution: undefined as never,
  };
}

function assume(drafts: Iterable<Solved>, files: NativeFiles): Promise<void> {
  const overrides = Array.from(drafts, ({ member, interpreter, tag, entries }) => {
    const value = entries.length > 0 ? entries.join(":") : null;
    return {
      path: member.path,
      ...(interpreter === null ? {} : { interpreter }),
      runpath: tag === "runpath" ? value : null,
      rpath: tag === "rpath" ? value : null,
    };
  });
  return settled(files.override(overrides));
}

/** A library has no loader of its own: `assumed`, where there is one. */
async function resolveDrafts(
  drafts: readonly Solved[],
  assumed: string | null,
  files: NativeFiles,
): Promise<void> {
  const resolveThose = async (those: readonly Solved[], interpreter: string | null) => {
    const options = { ...(interpreter !== null && { interpreter }), tried: false };
    const paths = those.map(({ member }) => member.path);
    for (const [index, answer] of (await resolveAllWith(files, paths, options)).entries()) {
      if (answer.status === "rejected") throw answer.reason;
      (those[index] as Solved).resolution = answer.value;
    }
  };
  const isLibrary = ({ member }: Solved) => member.facts.type === "shared-library";
  await resolveThose(drafts.filter(isLibrary), assumed);
  await resolveThose(
    drafts.filter((draft) => !isLibrary(draft)),
    null,
  );
}

/** Provides for what a member misses; `touched` are those that get anything. */
async function provide(
  draft: Solved,
  drafts: ReadonlyMap<string, Solved>,
  problem: Problem,
  files: NativeFiles,
  known: Known,
  touched: Set<Solved>,
): Promise<void> {
  const isIgnored = picomatch([...problem.ignoreMissing]);
  draft.unresolved = [];
  for (const library of draft.resolution.libraries) {
    const { soname, path, optional, neededBy } = library;
    if (optional) continue;
    const lacking = path === null ? [] : versionsLacking(library, draft.resolution);
    if (path !== null && lacking.length === 0) continue;
    if (path === null && problem.ignoreMissing.length > 0 && isIgnored(soname)) continue;
    // "$ORIGIN/../lib" leaves dots in the path, and a soname is often a link to the file itself.
    const requester = drafts.get(neededBy) ?? drafts.get(realPathOf(neededBy, files)) ?? null;
    const target = requester ?? draft;
    // Only what was taken from the store may be taken from elsewhere; what comes along wins.
    if (path !== null && !target.chosen.has(dirname(path))) continue;
    const versions = versionsOf(soname, known, draft.resolution, files);
    const found = await directoryFor(soname, versions, target, problem, known);
    if (found.directory === null) {
      if (path === null) draft.unresolved.push({ soname, why: found.why, neededBy });
      continue;
    }
    if (path !== null) {
      // The directory that has it is there for the sake of another library.
      if (putBefore(target, found, soname, dirname(path))) touched.add(target);
      continue;
    }
    // A library that may not be changed finds its own needs only by what is inherited from above.
    if (requester === null && target.tag !== "rpath") {
      target.tag = "rpath";
      target.reasons.push(
        `DT_RPATH, because ${neededBy} needs ${soname} and does not say where it is`,
      );
      touched.add(target);
    }
    if (target.entries.includes(found.directory)) {
      if (touched.size === 0) draft.unresolved.push({ soname, why: library.reason, neededBy });
      continue;
    }
    target.entries.push(found.directory);
    if (found.fromStore) target.chosen.add(found.directory);
    target.reasons.push(`${soname} from ${found.directory}: ${found.why}`);
    touched.add(target);
  }
}

/** The versions that somebody needs of a library, and that the file which is found does not define. */
function versionsLacking({ path }: ResolvedLibrary, { versionProblems }: Resolution): string[] {
  return versionProblems
    .filter(({ providerPath, weak }) => providerPath === path && !weak)
    .map(({ version }) => version);
}

/** Whether the search path is another one then. */
function putBefore(target: Solved, found: Found, soname: string, other: string): boolean {
  const { directory, why, fromStore } = found;
  if (directory === null || directory === other) return false;
  const at = target.entries.indexOf(other);
  const already = target.entries.indexOf(directory);
  if (at === -1 || (already !== -1 && already < at)) return false;
  if (already !== -1) target.entries.splice(already, 1);
  target.entries.splice(at, 0, directory);
  if (fromStore) target.chosen.add(directory);
  target.reasons.push(`${soname} from ${directory}, before ${other}: ${why}`);
  return true;
}

interface Found {
  directory: string | null;
  why: string;
  /** It was chosen among those of the store. */
  fromStore: boolean;
}

async function directoryFor(
  soname: string,
  versions: readonly string[],
  target: Solved,
  problem: Problem,
  known: Known,
): Promise<Found> {
  const { facts, path } = target.member;
  // The loader opens it by the name that is needed, which is often a link to the file itself.
  const sibling = known.bundled
    .get(soname)
    ?.find(
      ({ facts: other, path: file }) =>
        sameMachine(other, facts) && known.isElf(join(dirname(file), soname)),
    );
  if (sibling !== undefined) {
    const directory = fromOrigin(path, dirname(sibling.path));
    return { directory, why: "it comes with the program", fromStore: false };
  }
  const { loader, store, excluded } = problem;
  const question = [soname, ...versions].join("\0");
  let asked = known.provided.get(question);
  if (asked === undefined) {
    asked = store.providers([soname], { ...facts, versions }).then((answer) => answer.get(soname));
    known.provided.set(question, asked);
  }
  const found = await asked;
  const providers = found?.providers ?? [];
  // glibc's parts must be those of the loader: they call one another's private functions.
  const own = providers.find(
    ({ directory }) => loader !== null && directory === dirname(loader.path),
  );
  if (own !== undefined)
    return { directory: own.directory, why: "it belongs to the loader", fromStore: false };
  const loadable = providers.filter(
    ({ facts: library }) => lackingOf(library, loader).length === 0,
  );
  const best = loadable.find(({ directory }) => !excluded.has(directory));
  if (best !== undefined) {
    const fromStore = !store.userLibraryDirectories.includes(best.directory);
    return { directory: best.directory, why: best.reasons.join(", "), fromStore };
  }
  const [tooNew] = providers.filter((provider) => !loadable.includes(provider));
  const [unfit] = loadable;
  const [rejected] = found?.rejected ?? [];
  const why =
    unfit !== undefined
      ? `${unfit.path} does not go together with the other libraries`
      : tooNew !== undefined
        ? `${tooNew.path} needs ${lackingOf(tooNew.facts, loader).join(", ")}, newer than the glibc of ${loader?.path}`
        : rejected !== undefined
          ? `${rejected.path}: ${rejected.why}`
          : "no store path provides it";
  return { directory: null, why, fromStore: false };
}

/** The versions of glibc that a library needs, and that the loader's glibc does not define. */
export function lackingOf(facts: Facts, loader: Problem["loader"]): string[] {
  if (loader === null || loader.definedVersions.length === 0) return [];
  return facts.versionsNeeded
    .flatMap(({ versions }) => versions)
    .filter(
      ({ name, weak }) => !weak && isGlibcVersion(name) && !loader.definedVersions.includes(name),
    )
    .map(({ name }) => name);
}

/**
 * Every version that any member, or what is loaded with one, needs of a library: there will be only
 * one of it in a process.
 */
function versionsOf(
  soname: string,
  { versions }: Known,
  { libraries }: Resolution,
  files: NativeFiles,
): string[] {
  const loaded = new Map<string, Set<string>>();
  for (const { path } of libraries) {
    const facts = path === null ? null : factsOf(path, files);
    if (facts !== null) addVersions(facts, loaded);
  }
  return [...new Set([...(versions.get(soname) ?? []), ...(loaded.get(soname) ?? [])])];
}
