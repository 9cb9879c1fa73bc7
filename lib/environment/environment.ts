// What must be set for programs to run unchanged: one loader for each machine, and the directories in which it finds
// what they need. It is what a fix would write, for programs whose files may not be changed.
import { dirname, join, normalize } from "node:path";
import { underSignal } from "../addon/cancellation.js";
import type { ResolvedLibrary } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import type { FixelfErrorCode } from "../base/errors.js";
import { type ChoiceOptions, choiceKinds } from "../base/options.js";
import { type Choice, choose, type HowToChoose, membersOf, storeFor } from "../choose/choice.js";
import type { Solved } from "../choose/solve.js";
import { missingFor, missingLoader } from "../choose/unmet.js";
import { type InterpreterKind, interpreterAt, isLoader, isStandIn } from "../file/interpreter.js";
import { isOpenedByLoaders, isTakenByLoaders } from "../file/kind.js";
import { libcOf } from "../file/libc.js";
import { describeMachine, type Machine, sameMachine, thisMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { currentSearchPath, withoutOrigin } from "../file/search_path.js";
import { readTree, type Tree, unreadBelow } from "../file/tree.js";
import { rightsOf } from "../judge/rights.js";
import { Store } from "../store/context.js";
import { adviceFor, type MissingLibrary } from "../store/nixpkgs/packages.js";
import { storePathOf } from "../store/place.js";

/** As for a plan. */
export type EnvironmentOptions = ChoiceOptions;

/** What is at the path where a program names its loader, as far as variables are concerned. */
export type AtInterpreter =
  /** A dynamic linker, which ignores them. */
  | "loader"
  /** nix-ld or fixelf-ld: it starts the loader that NIX_LD names. */
  | "stand-in"
  /** Something else, such as NixOS's own stub. */
  | "other"
  | "nothing";

/** A program that was examined. */
export interface EnvironmentProgram {
  /** As the caller named it, or found below what the caller named. */
  path: string;
  /** Absolute, as seen from the root. */
  file: string;
  /** PT_INTERP. */
  interpreter: string;
  /** What is there. */
  atInterpreter: AtInterpreter;
  /** "x86_64-linux". */
  system: string;
  /** Whether it starts without anything being set for it. */
  runsAsItIs: boolean;
  /** It gives rights to the user who starts it (set-user-ID, capabilities): its loader then ignores all variables. */
  givesRights: boolean;
  /** Whether a loader that is given the file starts it: the header of an AppImage is accepted only by the kernel. */
  takenByLoaders: boolean;
}

/** A library that a program would load. */
export interface EnvironmentLibrary {
  /** The name by which it is needed. */
  soname: string;
  /** As seen from the root. */
  path: string;
  /** The store path that it is in; null outside the store. */
  storePath: string | null;
}

/** A program for which nothing can be set, or something that could not be read. */
export interface EnvironmentProblem {
  /** As the caller named it, or found below what the caller named. */
  path: string;
  /** The kind of problem. */
  code: FixelfErrorCode;
  /** One sentence: what is wrong. */
  message: string;
  /** What a program lacks, if that is its only problem. */
  missing?: MissingLibrary[];
}

/** What all programs for one machine need. */
export interface SystemEnvironment {
  /** "x86_64-linux". */
  system: string;
  /** It is for this machine itself. */
  own: boolean;
  /** As seen from the root. */
  loader: string;
  /** The libc that the loader belongs to. */
  libc: "glibc" | "musl" | "unknown";
  /** Absolute; the locations of libraries that no program finds by itself. */
  directories: string[];
  /** Everything that the loader would open, except what comes with a program and is found by it. */
  libraries: EnvironmentLibrary[];
  /** What programs need in addition and no store path has. */
  missing: MissingLibrary[];
  /** The store paths that loader, directories and libraries are part of. */
  storePaths: string[];
  /** Why each choice was made, and what is not as good as it could be; one sentence each. */
  reasons: string[];
}

/** What has to be set for some programs. */
export interface Environment {
  /** The programs that were examined. */
  programs: EnvironmentProgram[];
  /** This machine's own first. */
  systems: SystemEnvironment[];
  /**
   * For machines whose programs all lack libraries: what they need besides those. It is not enough to start one, but
   * with the packages for what is missing it is.
   */
  incomplete: SystemEnvironment[];
  /** Programs for which nothing can be set. The rest is as good as it can be without them. */
  problems: EnvironmentProblem[];
  /** Files for other machines, or for another libc than the programs': left unchanged. Their `path`, and `why`. */
  passedOver: { path: string; why: string }[];
}

/**
 * Determines what must be set for the programs at or below the paths.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named
 */
export async function environment(
  paths: readonly string[],
  options: EnvironmentOptions = {},
): Promise<Environment> {
  checkPaths("environment", paths);
  checkOptions("environment", options, choiceKinds);
  // Naming both a loader and a program means using the one for the other.
  return underSignal(options.signal, () =>
    environmentFor(paths, { ...options, keepRunning: options.interpreter === undefined }),
  );
}

/**
 * The same for what another program starts or loads: with its loader, and leaving out what runs without.
 * @throws FixelfError as `environment`
 */
export async function environmentBeside(
  loader: string,
  paths: readonly string[],
  options: EnvironmentOptions,
): Promise<Environment> {
  return environmentFor(paths, { ...options, interpreter: loader, keepRunning: true });
}

type Wanted = EnvironmentOptions & Pick<HowToChoose, "keepRunning">;

async function environmentFor(paths: readonly string[], options: Wanted): Promise<Environment> {
  const store = storeFor(options);
  const found: Environment = {
    programs: [],
    systems: [],
    incomplete: [],
    problems: [],
    passedOver: [],
  };
  const chosen: Chosen[] = [];
  for (const path of paths) {
    const tree = await readTree(path, store.place);
    found.problems.push(...problemsOf(tree));
    for (const { shown: path, content } of tree.forOtherSystems)
      found.passedOver.push({ path, why: `it is ${content.what}` });
    for (const each of await chooseFor(tree, store, options, found))
      chosen.push(...(await withNeeders(each, store, options)));
  }
  for (const group of groupByMachine(chosen)) await addSystem(group, found, store, options);
  found.systems.sort((first, second) => Number(second.own) - Number(first.own));
  return found;
}

/** A program or library, with what was chosen for it. */
interface Chosen {
  tree: Tree;
  shown: string;
  solved: Solved;
  /** null for a library. */
  atInterpreter: AtInterpreter | null;
}

/** What cannot be helped, and what is left unchanged, is recorded in `found`. */
async function chooseFor(
  tree: Tree,
  store: Store,
  options: Wanted,
  found: Pick<Environment, "problems" | "passedOver">,
): Promise<Chosen[]> {
  const files = new native.Files(store.place.root);
  const kinds = new Map<string, AtInterpreter>();
  for (const { facts } of tree.subjects) {
    if (facts === null || facts.type === "shared-library" || facts.interpreter === null) continue;
    if (!kinds.has(facts.interpreter))
      kinds.set(facts.interpreter, roleOf(interpreterAt(facts.interpreter, files).kind));
  }
  // With a stand-in, only NIX_LD determines what the libraries will be.
  const afresh = [...kinds.values()].some((kind) => kind !== "loader");
  const choices = await choose(membersOf(tree), tree, store, { ...solveOptions(options), afresh });
  const failed: Extract<Choice, { kind: "failed" }>[] = [];
  const chosen = choices.flatMap((choice): Chosen[] => {
    const { shown, facts } = choice.member;
    if (choice.kind === "passed-over") {
      found.passedOver.push({ path: shown, why: choice.why });
      return [];
    }
    if (choice.kind === "failed") {
      failed.push(choice);
      return [];
    }
    const isProgram = facts.type !== "shared-library" && facts.interpreter !== null;
    const kind = isProgram ? (kinds.get(facts.interpreter as string) ?? "nothing") : null;
    return [{ tree, shown, solved: choice.solved, atInterpreter: kind }];
  });
  // One failure applies to a whole group.
  const told = new Map(failed.toReversed().map((choice) => [choice.failure.message, choice]));
  for (const { member, failure } of [...told.values()].toReversed()) {
    const { code, message } = failure;
    const missing = code === "unsolvable" ? await missingLoader(member, store) : [];
    const problem = { path: member.shown, code, message };
    found.problems.push(missing.length === 0 ? problem : { ...problem, missing });
  }
  return chosen;
}

/**
 * Handles libraries that come with a program and lack something themselves, if each uses its own search path
 * (DT_RUNPATH): changing the program does not reach them, nor does changing one of them reach those that it needs in
 * turn, but what is set here does.
 */
async function withNeeders(chosen: Chosen, store: Store, options: Wanted): Promise<Chosen[]> {
  const loader = loaderOf(chosen.solved);
  if (loader === null || chosen.solved.problems.length === 0) return [chosen];
  const same = new Store(store.place, {
    userLoader: loader,
    userLibraryDirectories: options.libraryDirectories,
    index: options.index,
  });
  const told = { problems: [], passedOver: [] };
  const known = new Set<string>();
  const all = [chosen];
  // It grows during the iteration.
  for (const { solved } of all) {
    const needers = needersOf(solved);
    if (needers === null) return [chosen];
    for (const path of needers) {
      if (known.has(path)) continue;
      known.add(path);
      const tree = await readTree(path, store.place);
      const helped = await chooseFor(tree, same, { ...options, interpreter: loader }, told);
      if (helped.length === 0) return [chosen];
      all.push(...helped);
    }
  }
  return all.reverse().map((each) => ({ ...each, solved: { ...each.solved, problems: [] } }));
}

/** The libraries that lack something; null if anything else is wrong, or the member itself lacks it. */
function needersOf({ member, problems }: Solved): string[] | null {
  const needers = problems.map(({ need }) =>
    need?.kind === "library" ? normalize(need.library.neededBy) : member.path,
  );
  return needers.includes(member.path) ? null : needers;
}

function roleOf(kind: InterpreterKind): AtInterpreter {
  if (kind === "nothing") return "nothing";
  return isLoader(kind) ? "loader" : isStandIn(kind) ? "stand-in" : "other";
}

function solveOptions({ interpreter, ignoreMissing, program, keepRunning = false }: Wanted) {
  return {
    keepRunning,
    ...(program !== undefined && { program }),
    ...(interpreter !== undefined && { interpreter }),
    ...(ignoreMissing !== undefined && { ignoreMissing: [...ignoreMissing] }),
  };
}

/**
 * Named files that are not programs, and named directories without any; below a directory such files are skipped,
 * except unreadable ones.
 */
function problemsOf(tree: Tree): Environment["problems"] {
  if (tree.directory) {
    const unread = unreadBelow(tree);
    if (unread.length > 0 || tree.subjects.some(({ facts }) => facts !== null)) return unread;
    const message = "there is no program and no library below this directory";
    return [{ path: tree.shown, code: "not-elf", message }];
  }
  return tree.subjects.flatMap(({ shown, failure, shebang, facts }) => {
    if (failure !== null) {
      const message = shebang === null ? failure.message : "it is a script, not an ELF file";
      return [{ path: shown, code: failure.code, message }];
    }
    const code = "unsupported" as const;
    if (facts !== null && !isOpenedByLoaders(facts))
      return [{ path: shown, code, message: `it is not a program (${facts.type})` }];
    return [];
  });
}

function groupByMachine(all: readonly Chosen[]): Chosen[][] {
  const groups: Chosen[][] = [];
  for (const each of all) {
    const machine = each.solved.member.facts;
    const group = groups.find(
      ([first]) => first && sameMachine(first.solved.member.facts, machine),
    );
    if (group === undefined) groups.push([each]);
    else group.push(each);
  }
  return groups;
}

async function addSystem(
  group: readonly Chosen[],
  found: Environment,
  store: Store,
  options: Wanted,
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const machine: Machine = first.solved.member.facts;
  const system = nixSystem(machine);
  // What was solved again is for a loader that we chose; a program that runs keeps its own.
  const allNeedy = group.filter(
    ({ solved }) =>
      solved.interpreter !== null ||
      solved.problems.length > 0 ||
      addedDirectories(solved).length > 0,
  );
  const { together: needy, apart } = byLibc(allNeedy);
  const files = new native.Files(store.place.root);
  const isApart = new Set(apart.map(({ shown }) => shown));
  const programs = (runs: (chosen: Chosen) => boolean) =>
    group.flatMap((chosen) => {
      const { interpreter } = chosen.solved.member.facts;
      if (chosen.atInterpreter === null || interpreter === null) return [];
      if (isApart.has(chosen.shown)) return [];
      const { shown: path, atInterpreter: kind, solved } = chosen;
      const file = solved.member.path;
      const runsAsItIs = runs(chosen);
      const takenByLoaders = isTakenByLoaders(solved.member.facts);
      const givesRights = rightsOf(solved.member.host, files) !== null;
      const program = { path, file, interpreter, atInterpreter: kind, system };
      return [{ ...program, runsAsItIs, givesRights, takenByLoaders }];
    });
  if (needy.length === 0) {
    found.programs.push(...programs(() => true));
    return;
  }
  for (const { shown: path, why, atInterpreter } of apart)
    if (atInterpreter === null) found.passedOver.push({ path, why });
    else found.problems.push({ path, code: "unsolvable", message: why });
  const agreed = await agree(needy, store, options);
  found.programs.push(...programs((chosen) => !needy.includes(chosen)));
  found.problems.push(...agreed.problems);
  if (agreed.loader === null) return;
  const { loader, isComplete } = agreed;
  const missing = agreed.problems.flatMap((problem) => problem.missing ?? []);
  const environment = systemEnvironment({ system, machine, loader, missing }, agreed.group, store);
  (isComplete ? found.systems : found.incomplete).push(environment);
}

/**
 * There is one NIX_LD per machine, and so one libc: that of the program that was named first; for a directory with
 * programs for both, glibc.
 */
function byLibc(needy: readonly Chosen[]): {
  together: readonly Chosen[];
  apart: (Chosen & { why: string })[];
} {
  const libc = ({ solved }: Chosen) => libcOf(solved.member.facts);
  const [first] = needy;
  if (first === undefined) return { together: needy, apart: [] };
  const preferred =
    first.tree.directory && needy.some((each) => libc(each) === "glibc") ? "glibc" : libc(first);
  const why = (each: Chosen) =>
    `it is for ${libc(each)}, and what is set for one machine is for ${preferred}; name it by itself`;
  return {
    together: needy.filter((each) => libc(each) === preferred),
    apart: needy
      .filter((each) => libc(each) !== preferred)
      .map((each) => ({ ...each, why: why(each) })),
  };
}

type Agreed = { problems: EnvironmentProblem[] } & (
  | { loader: string; group: readonly Chosen[]; isComplete: boolean }
  | { loader: null }
);

/** There is one NIX_LD per machine: the first loader that serves all programs. */
async function agree(group: readonly Chosen[], store: Store, options: Wanted): Promise<Agreed> {
  const loaders = new Set(group.flatMap(({ solved }) => loaderOf(solved) ?? []));
  const [only, ...others] = loaders;
  if (only !== undefined && others.length === 0) {
    return agreedOn(only, group, store);
  }
  const trees = [...new Set(group.map(({ tree }) => tree))];
  const lacks = group.filter(({ solved }) => solved.problems.length > 0);
  const lacking = new Set(lacks.map(({ shown }) => shown));
  for (const loader of loaders) {
    const again = new Store(store.place, { userLoader: loader, index: options.index });
    const told = { problems: [], passedOver: [] };
    const all = await Promise.all(
      trees.map((tree) => chooseFor(tree, again, { ...options, interpreter: loader }, told)),
    );
    const served = all
      .flat()
      .filter(({ tree, shown }) =>
        group.some((each) => each.tree === tree && each.shown === shown),
      );
    // Programs that lack a library with every loader do not affect the decision.
    const isAsGood = served.every(
      ({ shown, solved }) => solved.problems.length === 0 || lacking.has(shown),
    );
    if (served.length === group.length && isAsGood) return agreedOn(loader, served, store);
  }
  const machine = describeMachine(group[0]?.solved.member.facts as Machine);
  const message =
    loaders.size === 0
      ? `no loader for ${machine} was found`
      : `no loader for ${machine} serves all of them together; name them one by one`;
  return {
    loader: null,
    problems: group.map(({ shown }) => ({ path: shown, code: "unsolvable", message })),
  };
}

function loaderOf({ interpreter, resolution, assumed }: Solved): string | null {
  return interpreter ?? assumed ?? resolution.interpreter.path;
}

/** A module that lacks something is reported, but does not keep anything else from running. */
async function agreedOn(loader: string, group: readonly Chosen[], store: Store): Promise<Agreed> {
  const each = group.map(({ shown, solved }) => problemOf(shown, solved, store));
  const problems = (await Promise.all(each)).flat();
  const helped = group.filter(({ solved }) => solved.problems.length === 0);
  if (helped.length > 0) return { loader, group: helped, isComplete: true, problems };
  const couldBe = problems.every(({ missing }) => missing !== undefined);
  return couldBe ? { loader, group, isComplete: false, problems } : { loader: null, problems };
}

async function problemOf(
  path: string,
  { problems, whyNot, member }: Solved,
  store: Store,
): Promise<EnvironmentProblem[]> {
  const code = "unsolvable" as const;
  const lacking = problems.flatMap(({ need }) => (need?.kind === "library" ? need.library : []));
  if (lacking.length === 0)
    return problems.slice(0, 1).map(({ message }) => ({ path, code, message }));
  const missing: MissingLibrary[] = [];
  const told: string[] = [];
  for (const { soname, reason } of lacking) {
    const each = await missingFor(member, soname, store);
    const advice = adviceFor(soname, each.packages, member.facts);
    missing.push(each);
    told.push(`${soname} (${whyNot.get(soname) ?? reason}${advice === null ? "" : `; ${advice}`})`);
  }
  const help =
    "get it with --get, give its directory with --lib, or leave it out with --ignore-missing";
  const message = `no library for ${told.join(", ")}; ${help}`;
  return [{ path, code, message, ...(lacking.length === problems.length && { missing }) }];
}

function systemEnvironment(
  {
    system,
    machine,
    loader,
    missing,
  }: Pick<SystemEnvironment, "system" | "loader" | "missing"> & { machine: Machine },
  group: readonly Chosen[],
  store: Store,
): SystemEnvironment {
  const directories = new Set(group.flatMap(({ solved }) => addedDirectories(solved)));
  const libraries = new Map<string, EnvironmentLibrary>();
  const reasons = new Set<string>();
  for (const { solved, shown } of group) {
    for (const reason of solved.reasons) {
      // How a search path has to be written only matters to a file that is changed.
      if (!reason.startsWith("DT_RPATH")) reasons.add(reason);
    }
    for (const { soname, path } of solved.resolution.libraries) {
      if (path === null || path === loader) continue;
      const library = asLibrary(soname, path, store);
      const ours = library.storePath !== null || directories.has(dirname(library.path));
      const other = libraries.get(soname);
      if (ours && other === undefined) libraries.set(soname, library);
      else if (other !== undefined && other.path !== library.path && ours)
        reasons.add(`${shown} would take ${soname} from ${library.path}, not ${other.path}`);
    }
    for (const hidden of hiddenBy(directories, solved, store.place.root))
      reasons.add(`${shown}: ${hidden}`);
  }
  const paths = [loader, ...directories, ...[...libraries.values()].map(({ path }) => path)];
  const storePaths = paths.map((path) => storePathOf(path, store.place.store));
  return {
    system,
    own: sameMachine(machine, thisMachine()),
    loader,
    libc: group[0]?.solved.resolution.libc ?? "unknown",
    directories: [...directories],
    libraries: [...libraries.values()],
    missing: [...new Map(missing.map((each) => [each.soname, each])).values()],
    storePaths: [...new Set(storePaths.filter((path) => path !== null))],
    reasons: [...reasons],
  };
}

function asLibrary(soname: string, found: string, store: Store): EnvironmentLibrary {
  const path = normalize(found);
  return { soname, path, storePath: storePathOf(path, store.place.store) };
}

/** The directories that a fix would add to the file's own. */
function addedDirectories({ entries, member }: Solved): string[] {
  const present = currentSearchPath(member.facts).entries;
  return entries
    .filter((entry) => !present.includes(entry))
    .map((entry) => normalize(withoutOrigin(entry, member.path)));
}

/** LD_LIBRARY_PATH, through which the directories reach the loader, takes precedence over a file's RUNPATH. */
function hiddenBy(
  directories: ReadonlySet<string>,
  { resolution, member }: Solved,
  root: string,
): string[] {
  const files = new native.Files(root);
  const outside = (library: ResolvedLibrary) =>
    library.path !== null && !directories.has(dirname(normalize(library.path)));
  return resolution.libraries.filter(outside).flatMap(({ soname, path }) => {
    const first = [...directories].find(
      (directory) => files.look(join(directory, soname)).state === "elf",
    );
    if (first === undefined || path === null || member.facts.rpath !== null) return [];
    return [`${soname} of ${first} would hide its own ${path}; a farm (--farm) would not`];
  });
}
