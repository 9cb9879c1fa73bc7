// Which libraries a program and what comes with it get, with one loader for all of them. Nothing
// is written: each round assumes the search paths chosen so far, resolves again as the loader would, and provides what
// is still missing. The judge has the last word.
import { basename, dirname, join, normalize } from "node:path";
import picomatch from "picomatch";
import type { Facts, Resolution, ResolvedLibrary } from "../addon/facts.js";
import { type NativeFiles, native, type ResolveOptions } from "../addon/native.js";
import { resolveAllWith } from "../addon/resolutions.js";
import { shellWord } from "../base/shell.js";
import { isStartedByLoader } from "../file/kind.js";
import { isPartOfGlibc, libcOf } from "../file/libc.js";
import { sameMachine } from "../file/machine.js";
import {
  currentSearchPath,
  fromOrigin,
  type SearchPathTag,
  withoutOrigin,
  workingEntries,
} from "../file/search_path.js";
import type { Environment } from "../file/stand_in.js";
import { byEachName, libraryBeside } from "../file/together.js";
import type { Subject } from "../file/tree.js";
import { isGlibcVersion } from "../file/versions.js";
import { problemsOfLoading } from "../judge/judge.js";
import { factsOf, realPathOf, searchingAlone } from "../judge/loaded.js";
import type { LoadingProgram } from "../judge/loading_program.js";
import { isError, type Problem } from "../judge/problem.js";
import { whoElseDecides } from "../judge/rights.js";
import { type Entry, entryOf } from "../judge/start.js";
import type { Store } from "../store/context.js";
import type { Providers } from "../store/find.js";
import { inStore } from "../store/place.js";

/** A file that may be changed. */
export interface Member extends Subject {
  facts: Facts;
}

/** What a member will be after the fix. */
export interface Solved {
  member: Member;
  interpreter: string | null;
  /** The loader that was assumed for a library. */
  assumed: string | null;
  loadedBy: LoadingProgram | null;
  tag: SearchPathTag;
  entries: string[];
  reasons: string[];
  /** Why nothing was chosen for a soname. */
  whyNot: Map<string, string>;
  /**
   * What could be provided if the library that needs it did not have a search path of its own, which must not be
   * changed: that library, by soname, as seen from the root and without links.
   */
  neededBeyond: Map<string, string>;
  /** Directories that were chosen from the store, except the loader's own. */
  chosen: Set<string>;
  resolution: Resolution;
  /** The judge's problems with the member as it will be; the caller said that those in `left` may remain. */
  problems: Problem[];
  left: Problem[];
}

export interface Task {
  members: readonly Member[];
  /** Found below the named directory: they may serve one another. */
  bundled: readonly Member[];
  /** What programs will get; null leaves theirs. */
  loader: { path: string; definedVersions: readonly string[] } | null;
  /** The loader to assume for libraries, which name none; null for the machine's usual one. */
  assumed: string | null;
  /** The program that loads the members, if it is not one of them: its loader is not up for choice. */
  loadedBy: LoadingProgram | null;
  /** The variables by which stand-ins are judged, if they are kept. */
  environment: Environment;
  store: Store;
  outside: readonly string[];
  ignoreMissing: readonly string[];
  /** Store directories that must not be used: with them nothing fits together. */
  excluded: ReadonlySet<string>;
}

/** While search paths are being chosen. */
type Draft = Omit<Solved, "resolution"> & { entry: Entry; resolution: Resolution | null };
type Resolved = Draft & { resolution: Resolution };

/** What is determined once for all members and all rounds. */
interface Known {
  files: NativeFiles;
  /** What the store has, by soname and needed versions. All members are for one machine. */
  provided: Map<string, Promise<Providers | undefined>>;
  /** The bundled files by each name under which they may be needed, in their order. */
  bundled: ReadonlyMap<string, readonly Member[]>;
  /** Whether a path leads to an ELF file. */
  isElf: (path: string) => boolean;
  /** The versions that members need, by library. */
  versions: ReadonlyMap<string, ReadonlySet<string>>;
  isIgnored: (soname: string) => boolean;
  /** Why a directory that the user named is unsuitable for members that give rights; null if it is suitable. */
  whyNotNamed: (directory: string, soname: string) => string | null;
}

/** Rounds are bounded: each adds at least one directory to one member, or is the last. */
const mostRounds = 32;

export async function solve(task: Task): Promise<Solved[]> {
  const files = filesFor(task);
  const drafts = task.members.map((member) => draftOf(member, task, files));
  await assume(drafts, files);
  const byPath = new Map<string, Draft>(drafts.map((draft) => [draft.member.path, draft]));
  const known = knownOf(task, drafts, files);
  let resolved: Resolved[] = [];
  for (let round = 0; round < mostRounds; round++) {
    // All are resolved before any changes: each round sees what the previous one chose.
    resolved = await resolveDrafts(drafts, task, files);
    const touched = new Set<Draft>();
    for (const draft of resolved) await provide(draft, byPath, task, known, touched);
    if (touched.size === 0) break;
    await assume(touched, files);
  }
  return Promise.all(resolved.map((draft) => judged(draft, task, known)));
}

/** The disk as the members' loaders see it. */
export function filesFor({ store, outside }: Pick<Task, "store" | "outside">): NativeFiles {
  const files = new native.Files(store.place.root);
  for (const path of outside) files.passThrough(path);
  return files;
}

function knownOf(
  { members, bundled, ignoreMissing, store }: Task,
  drafts: readonly Draft[],
  files: NativeFiles,
): Known {
  const versions = new Map<string, Set<string>>();
  for (const { facts } of members) addVersions(facts, versions);
  const elf = new Map<string, boolean>();
  const isElf = (path: string) => listed(elf, path, () => files.look(path).state === "elf");
  const isIgnored = ignoreMissing.length > 0 ? picomatch([...ignoreMissing]) : () => false;
  const named = byEachName(bundled);
  const secure = drafts.filter(({ entry }) => entry.secure);
  const whyNotNamed = (directory: string, soname: string) => {
    if (!store.userLibraryDirectories.includes(directory)) return null;
    for (const { member } of secure) {
      const who = whoElseDecides(directory, soname, member.host, files);
      if (who !== null) return who;
    }
    return null;
  };
  return { files, provided: new Map(), bundled: named, isElf, versions, isIgnored, whyNotNamed };
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

function draftOf(member: Member, task: Task, files: NativeFiles): Draft {
  const { loader, assumed, loadedBy, environment } = task;
  const { tag, entries } = currentSearchPath(member.facts);
  const interpreter = isStartedByLoader(member.facts) && loader !== null ? loader.path : null;
  const facts = { ...member.facts, interpreter: interpreter ?? member.facts.interpreter };
  return {
    member,
    interpreter,
    assumed,
    loadedBy,
    entry: entryOf(facts, files, { environment, host: member.host }),
    tag,
    entries: workingEntries(entries, files),
    reasons: [],
    whyNot: new Map(),
    neededBeyond: new Map(),
    chosen: new Set(),
    resolution: null,
    problems: [],
    left: [],
  };
}

function assume(drafts: Iterable<Draft>, files: NativeFiles): Promise<void> {
  const overrides = Array.from(drafts, ({ member, interpreter, tag, entries }) => {
    const value = entries.length > 0 ? entries.join(":") : null;
    return {
      path: member.path,
      ...(interpreter === null ? {} : { interpreter }),
      runpath: tag === "runpath" ? value : null,
      rpath: tag === "rpath" ? value : null,
    };
  });
  return files.override(overrides);
}

/** A library has no loader of its own: the one that is assumed is used, if any, and the program that opens it counts. */
async function resolveDrafts(
  drafts: readonly Draft[],
  { assumed, loadedBy }: Task,
  files: NativeFiles,
): Promise<Resolved[]> {
  const alike = new Map<string, { options: ResolveOptions; those: Draft[] }>();
  for (const draft of drafts) {
    const { at, started, secure } = draft.entry;
    const options = {
      ...(at === null && assumed !== null && { interpreter: assumed }),
      ...(at === null && loadedBy !== null && { opener: loadedBy.path }),
      ...(started !== null && { nixLd: started }),
      secure,
      symbols: true,
      tried: false,
    };
    listed(alike, JSON.stringify(options), () => ({ options, those: [] })).those.push(draft);
  }
  for (const { options, those } of alike.values()) {
    const paths = those.map(({ member }) => member.path);
    const answers = await resolveAllWith(files, paths, options);
    for (const [index, answer] of answers.entries()) {
      if (answer.status === "rejected") throw answer.reason;
      (those[index] as Draft).resolution = answer.value;
    }
  }
  return drafts as Resolved[];
}

/** Provides what a member lacks; `touched` collects those that get anything. */
async function provide(
  draft: Resolved,
  drafts: ReadonlyMap<string, Draft>,
  task: Task,
  known: Known,
  touched: Set<Draft>,
): Promise<void> {
  for (const library of draft.resolution.libraries) {
    const { soname, path, optional, neededBy } = library;
    if (optional) continue;
    // "$ORIGIN/../lib" leaves dots in the path, and a soname is often a link to the file itself.
    const requester = drafts.get(neededBy) ?? drafts.get(realPathOf(neededBy, known.files)) ?? null;
    const target = requester ?? draft;
    const replaces =
      path === null ? false : isToBeReplaced(library, path, draft, target, task, known);
    if (path !== null && !replaces) continue;
    const versions = versionsOf(soname, known, draft.resolution);
    const found = await directoryFor(soname, versions, target, task, known);
    if (found.directory === null) {
      draft.whyNot.set(soname, found.why);
      continue;
    }
    if (path !== null) {
      // The directory that has it is there because of another library, or is bundled.
      if (putBefore(target, found, soname, path)) touched.add(target);
      continue;
    }
    // If a library may not be changed, its own needs are found only through what it inherits.
    if (requester === null && target.tag !== "rpath") {
      target.tag = "rpath";
      target.reasons.push(
        `DT_RPATH, because ${neededBy} needs ${soname} and does not say where it is`,
      );
      touched.add(target);
    }
    if (target.entries.includes(found.directory)) {
      if (touched.size > 0) continue;
      draft.whyNot.set(soname, library.reason);
      const alone = requester === null ? searchingAlone(neededBy, known.files, task.store) : null;
      if (alone !== null) draft.neededBeyond.set(soname, alone);
      continue;
    }
    target.entries.push(found.directory);
    if (found.fromStore) target.chosen.add(found.directory);
    target.reasons.push(`${soname} from ${found.directory}: ${found.why}`);
    touched.add(target);
  }
}

/**
 * Whether a library that is found has to come from elsewhere: a part of a glibc other than the loader's, or one that
 * was chosen from the store for another library's sake and lacks a version. Otherwise bundled libraries take
 * precedence.
 */
function isToBeReplaced(
  { soname }: ResolvedLibrary,
  path: string,
  { resolution }: Resolved,
  target: Draft,
  { loader }: Task,
  { files }: Known,
): boolean {
  if (loader !== null && isPartOfGlibc(soname))
    return dirname(realPathOf(path, files)) !== dirname(realPathOf(loader.path, files));
  return (
    target.chosen.has(dirname(path)) &&
    resolution.versionProblems.some(({ providerPath, weak }) => providerPath === path && !weak)
  );
}

/** Returns whether this changed the search path. */
function putBefore(target: Draft, found: Found, soname: string, path: string): boolean {
  const { directory, why, fromStore } = found;
  const other = dirname(path);
  if (directory === null || directory === other) return false;
  const at = target.entries.findIndex(
    (entry) => normalize(withoutOrigin(entry, target.member.path)) === other,
  );
  const already = target.entries.indexOf(directory);
  if (already !== -1 && (at === -1 || already < at)) return false;
  if (already !== -1) target.entries.splice(already, 1);
  // If no entry leads there, the loader's own directories or its cache do, and these come last.
  target.entries.splice(at === -1 ? target.entries.length : at, 0, directory);
  if (fromStore) target.chosen.add(directory);
  target.reasons.push(`${soname} from ${directory}, before ${other}: ${why}`);
  return true;
}

async function judged(draft: Resolved, { store }: Task, known: Known): Promise<Solved> {
  const { entry, ...solved } = draft;
  const { path, shown, facts } = solved.member;
  const problems = await problemsOfLoading(
    { path, shown, facts: { ...facts, interpreter: solved.interpreter ?? facts.interpreter } },
    { ...entry, resolution: solved.resolution },
    { files: known.files, place: store.place },
  );
  const { interpreter } = solved;
  if (entry.secure && interpreter !== null && !inStore(interpreter, store.place.store)) {
    const [directory, name] = [dirname(interpreter), basename(interpreter)];
    const who = whoElseDecides(directory, name, solved.member.host, known.files);
    if (who !== null) problems.push(exchangeableLoader(interpreter, who));
  }
  const isLeft = ({ need }: Problem) =>
    need?.kind === "library" && known.isIgnored(need.library.soname);
  return {
    ...solved,
    problems: problems.filter((problem) => isError(problem) && !isLeft(problem)),
    left: problems.filter(isLeft),
  };
}

function exchangeableLoader(loader: string, who: string): Problem {
  return {
    code: "interpreter-unusable",
    severity: "error",
    message: `${loader} is no loader for a program that gives rights: ${who}`,
    evidence: [],
    remedy: null,
    need: null,
  };
}

interface Found {
  directory: string | null;
  why: string;
  /** It was chosen from the store. */
  fromStore: boolean;
}

async function directoryFor(
  soname: string,
  versions: readonly string[],
  target: Draft,
  task: Task,
  known: Known,
): Promise<Found> {
  const { facts, path } = target.member;
  const { loader, store, excluded } = task;
  // glibc's parts must be the loader's: they call each other's private functions.
  if (loader !== null && isPartOfGlibc(soname)) {
    const directory = dirname(loader.path);
    if (known.isElf(join(directory, soname)))
      return { directory, why: "it belongs to the loader", fromStore: false };
    const why = `the glibc of ${loader.path} has none, and no other one's will do`;
    return { directory: null, why, fromStore: false };
  }
  // The loader opens it by the needed name, which is often a link to the file itself.
  const sibling = known.bundled
    .get(soname)
    ?.find(
      ({ facts: other, path: file }) =>
        sameMachine(other, facts) && known.isElf(join(dirname(file), soname)),
    );
  const own = target.entry.secure ? ownDirectoryOf(soname, target, sibling, known) : null;
  if (own !== null && own.directory !== null) return own;
  if (sibling !== undefined && !target.entry.secure) {
    const directory = fromOrigin(path, dirname(sibling.path));
    return { directory, why: "it comes with the program", fromStore: false };
  }
  const question = [soname, ...versions].join("\0");
  const found = await listed(known.provided, question, () =>
    store.providers([soname], { ...facts, versions }).then((answer) => answer.get(soname)),
  );
  const providers = found?.providers ?? [];
  const fitting = providers.filter(({ facts: library }) => lackingOf(library, loader).length === 0);
  const loadable = fitting.filter(({ directory }) => known.whyNotNamed(directory, soname) === null);
  const best = loadable.find(({ directory }) => !excluded.has(directory));
  if (best !== undefined) {
    const fromStore = !store.userLibraryDirectories.includes(best.directory);
    return { directory: best.directory, why: best.reasons.join(", "), fromStore };
  }
  if (own !== null) return own;
  const [others] = fitting.filter((provider) => !loadable.includes(provider));
  const [tooNew] = providers.filter((provider) => !fitting.includes(provider));
  const [unfit] = loadable;
  const [rejected] = found?.rejected ?? [];
  const why =
    unfit !== undefined
      ? `${unfit.path} does not go together with the other libraries`
      : others !== undefined
        ? `${others.directory} has it, and ${known.whyNotNamed(others.directory, soname)}`
        : tooNew !== undefined
          ? `${tooNew.path} needs ${lackingOf(tooNew.facts, loader).join(", ")}, newer than the glibc of ${loader?.path}`
          : rejected !== undefined
            ? `${rejected.path}: ${rejected.why}`
            : `no store path provides it${libcOf(facts) === "musl" ? " for musl" : ""}`;
  const beside = libraryBeside(soname, target.member, known.files);
  const told =
    beside === null ? why : `${why}; ${beside} is there: --lib ${shellWord(dirname(beside))}`;
  return { directory: null, why: told, fromStore: false };
}

/**
 * The directory of a library that lies beside a program that gives rights: as an absolute path, because its loader
 * ignores $ORIGIN (elf/dl-load.c, is_trusted_path_normalize). Only if no one else decides what is loaded.
 */
function ownDirectoryOf(
  soname: string,
  { member, entries }: Draft,
  sibling: Member | undefined,
  { isElf, files }: Known,
): Found | null {
  const own = entries
    .filter((entry) => entry.includes("$"))
    .map((entry) => normalize(withoutOrigin(entry, member.path)));
  const places = sibling === undefined ? own : [dirname(sibling.path), ...own];
  const directory = places.find((place) => isElf(join(place, soname)));
  if (directory === undefined) return null;
  const who = whoElseDecides(directory, soname, member.host, files);
  if (who !== null)
    return { directory: null, why: `${directory} has it, and ${who}`, fromStore: false };
  const why =
    "it comes with the program, and its loader ignores $ORIGIN, since the program runs with rights that its caller does not have";
  return { directory, why, fromStore: false };
}

/** The versions of glibc that a library needs but the loader's glibc does not define. */
export function lackingOf(facts: Facts, loader: Task["loader"]): string[] {
  if (loader === null || loader.definedVersions.length === 0) return [];
  return facts.versionsNeeded
    .flatMap(({ versions }) => versions)
    .filter(
      ({ name, weak }) => !weak && isGlibcVersion(name) && !loader.definedVersions.includes(name),
    )
    .map(({ name }) => name);
}

/**
 * Every version of a library that any member, or what is loaded with one, needs: there will be only one copy of it in a
 * process.
 */
function versionsOf(
  soname: string,
  { versions, files }: Known,
  { libraries }: Resolution,
): string[] {
  const loaded = new Map<string, Set<string>>();
  for (const { path } of libraries) {
    const facts = path === null ? null : factsOf(path, files);
    if (facts !== null) addVersions(facts, loaded);
  }
  return [...new Set([...(versions.get(soname) ?? []), ...(loaded.get(soname) ?? [])])];
}
