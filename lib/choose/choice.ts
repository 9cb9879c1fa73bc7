// Loader and libraries for everything below a path. Files that may come together in a process (same machine, same libc)
// are chosen for together. Each group is chosen for separately, so that one that cannot be helped does not affect the
// rest.
import { fromNative, type NativeFiles } from "../addon/native.js";
import { FixelfError, isOfTheMoment } from "../base/errors.js";
import type { ChoiceOptions, CommonOptions } from "../base/options.js";
import { companiesOf, whyForNothing } from "../file/company.js";
import { isLoader, isStandIn } from "../file/interpreter.js";
import { isStartedByLoader } from "../file/kind.js";
import { describeMachine } from "../file/machine.js";
import { currentSearchPath } from "../file/search_path.js";
import type { Environment } from "../file/stand_in.js";
import type { Tree } from "../file/tree.js";
import { assumedLoader } from "../judge/assumed_loader.js";
import { realPathOf } from "../judge/loaded.js";
import {
  type LoadingProgram,
  loadingProgram,
  type Named,
  whyNotLoaded,
} from "../judge/loading_program.js";
import { entryOf } from "../judge/start.js";
import { Store } from "../store/context.js";
import { placeOf } from "../store/place.js";
import { fittingSet, type LoaderlessTask } from "./fitting_set.js";
import { loaderOf, suitableLoaders } from "./loader_choice.js";
import { filesFor, type Member, type Solved, solve } from "./solve.js";

/** How far a choice may leave things as they are. */
export interface HowToChoose
  extends Pick<ChoiceOptions, "interpreter" | "ignoreMissing" | "program"> {
  /** Choose a loader even if the named one exists and all libraries are found. */
  afresh?: boolean;
  /** Leave each program that runs as it is, whatever is chosen for the rest. */
  keepRunning?: boolean;
  /** Leave programs to nix-ld or fixelf-ld if one is at their loader's path. */
  keepStandIn?: boolean;
}

/** The result for one member. */
export type Choice = { member: Member } & (
  | { kind: "solved"; solved: Solved }
  /** The programs beside it would not load it. */
  | { kind: "passed-over"; why: string }
  | { kind: "failed"; failure: FixelfError }
);

/** The store to choose from: callers that choose repeatedly need not read it each time. */
export function storeFor(
  options: CommonOptions & {
    interpreter?: string;
    libraryDirectories?: readonly string[];
  },
): Store {
  return new Store(placeOf(options), {
    userLoader: options.interpreter,
    userLibraryDirectories: options.libraryDirectories,
    index: options.index,
    onIndex: options.onIndex,
  });
}

/** What may be changed so that a loader finds its libraries: not object files and cores, nor what needs no loader. */
export function membersOf(tree: Tree): Member[] {
  return tree.subjects.flatMap((subject) => {
    const { facts } = subject;
    if (facts === null) return [];
    const isLibrary = facts.type === "shared-library";
    const isProgram = facts.type === "executable" || facts.type === "pie";
    return isLibrary || (isProgram && facts.interpreter !== null) ? [{ ...subject, facts }] : [];
  });
}

/** In the order of the members. */
export async function choose(
  members: readonly Member[],
  tree: Tree,
  store: Store,
  options: HowToChoose = {},
): Promise<Choice[]> {
  const companies = companiesOf(members);
  const { root } = store.place;
  const outside = tree.outside ? tree.subjects.map(({ host }) => host) : [];
  const files = filesFor({ store, outside });
  const named = { program: options.program, system: store.place };
  const loadedBy = loadersOutside(tree, named, files);
  const chosen = new Map<Member, Choice>();
  for (const company of companies) {
    const misfit = whyNoneIsLoaded(company, named, files);
    if (misfit !== null && !tree.directory) {
      const failure = new FixelfError("unsupported", misfit);
      for (const member of company) chosen.set(member, { member, kind: "failed", failure });
      continue;
    }
    const forNothing = misfit ?? (tree.directory ? whyForNothing(company, companies, root) : null);
    const why = `${forNothing}; it is left as it is`;
    for (const group of groupsOf(company, loadedBy)) {
      const choices =
        forNothing === null || group.loadedBy !== null
          ? await chooseForGroup(group, tree, store, options)
          : group.members.map((member): Choice => ({ member, kind: "passed-over", why }));
      for (const choice of choices) chosen.set(choice.member, choice);
    }
  }
  return members.map((member) => chosen.get(member) as Choice);
}

interface Group {
  members: Member[];
  /** The program that loads them, if it is not one of them. */
  loadedBy: LoadingProgram | null;
}

/** What comes together in one process, as far as known. */
function groupsOf(
  company: readonly Member[],
  loadedBy: (member: Member) => LoadingProgram | null,
): Group[] {
  const groups: Group[] = [];
  for (const member of company) {
    const program = loadedBy(member);
    const group = groups.find((each) => each.loadedBy?.path === program?.path);
    if (group === undefined) groups.push({ members: [member], loadedBy: program });
    else group.members.push(member);
  }
  return groups;
}

/** The program that loads each member, unless it is below the named directory and so is chosen for as well. */
function loadersOutside(
  tree: Tree,
  named: Named,
  files: NativeFiles,
): (member: Member) => LoadingProgram | null {
  const below = new Set(tree.subjects.map(({ path }) => path));
  return ({ path, facts }) => {
    const found = loadingProgram(path, facts, named, files);
    return found === null || below.has(realPathOf(found.path, files)) ? null : found;
  };
}

/** Why the program that was named for libraries cannot load those for one machine and one libc. */
function whyNoneIsLoaded(
  company: readonly Member[],
  named: Named,
  files: NativeFiles,
): string | null {
  const [first] = company;
  if (first === undefined || company.some(isProgram)) return null;
  return whyNotLoaded(first.facts, named, files);
}

function isProgram({ facts }: Member): boolean {
  return isStartedByLoader(facts);
}

async function chooseForGroup(
  { members, loadedBy }: Group,
  tree: Tree,
  store: Store,
  options: HowToChoose,
): Promise<Choice[]> {
  const kept = await keptOf(members, tree, store, options);
  const others: Choice[] = kept.map((solved) => ({
    member: solved.member,
    kind: "solved",
    solved,
  }));
  let rest = members.filter((member) => !kept.some((each) => each.member === member));
  while (rest.length > 0) {
    try {
      const solved = await solveGroup(rest, loadedBy, tree, store, options);
      const helped = solved.map(
        (each): Choice => ({ member: each.member, kind: "solved", solved: each }),
      );
      return [...others, ...helped];
    } catch (caught) {
      const failure = fromNative(caught);
      if (isOfTheMoment(failure)) throw failure;
      // A file that has since vanished, or cannot be reached by its name, must not affect the others.
      const culprit = rest.find(({ path }) => path === failure.path);
      const those = culprit === undefined ? rest : [culprit];
      others.push(...those.map((member): Choice => ({ member, kind: "failed", failure })));
      rest = rest.filter((member) => !those.includes(member));
    }
  }
  return others;
}

function taskOf(
  members: readonly Member[],
  { tree, ...rest }: Omit<LoaderlessTask, "members" | "environment" | "outside"> & { tree: Tree },
): LoaderlessTask {
  const outside = tree.outside ? tree.subjects.map(({ host }) => host) : [];
  return { members, environment: standInVariables, outside, ...rest };
}

/** One loader and one set of libraries for everything that may come together in a process. */
async function solveGroup(
  group: readonly Member[],
  loadedBy: LoadingProgram | null,
  tree: Tree,
  store: Store,
  options: HowToChoose,
): Promise<Solved[]> {
  const task = taskOf(group, {
    bundled: tree.directory ? group : [],
    loadedBy,
    tree,
    store,
    ignoreMissing: options.ignoreMissing ?? [],
  });
  const asIs = await solveAsIs(task, tree, options);
  if (asIs !== null) return asIs;
  const choices =
    loadedBy === null || options.interpreter !== undefined
      ? await suitableLoaders(group, store)
      : [await loaderOf(loadedBy, store)];
  const solved = await fittingSet(task, choices);
  if (solved === null) {
    const machine = group[0] === undefined ? "this machine" : describeMachine(group[0].facts);
    throw new FixelfError("unsolvable", `no loader for ${machine} was found`);
  }
  return solved;
}

/** The programs to leave as they are while the rest changes: their loader exists and finds everything. */
async function keptOf(
  members: readonly Member[],
  tree: Tree,
  store: Store,
  { keepRunning = false, interpreter, afresh = false }: HowToChoose,
): Promise<Solved[]> {
  if (!keepRunning) return [];
  const bundled = tree.directory ? members : [];
  const alone = members.filter(isProgram).map(async (member) => {
    const task = taskOf([member], { bundled, loadedBy: null, tree, store, ignoreMissing: [] });
    const [asIs] = (await solveAsIs(task, tree, {})) ?? [];
    return asIs !== undefined && !isChanged(asIs) ? [asIs] : [];
  });
  const kept = (await Promise.all(alone)).flat();
  // If these are all the programs, their loader is also their libraries' loader.
  const isWhole = kept.length === members.filter(isProgram).length;
  return isWhole && interpreter === undefined && !afresh ? [] : kept;
}

/** Whether the fix would change anything in it. */
function isChanged({ interpreter, entries, member }: Solved): boolean {
  const present = currentSearchPath(member.facts).entries;
  return interpreter !== null || entries.some((entry) => !present.includes(entry));
}

/** A fix outlasts the session: stand-ins are judged by their defaults. */
const standInVariables: Environment = {};

/**
 * Programs that work are left as they are, and so is the loader of what they load. null if some do not work, or if the
 * caller wants another loader.
 */
async function solveAsIs(
  task: LoaderlessTask,
  tree: Tree,
  { interpreter, afresh, keepStandIn }: HowToChoose,
): Promise<Solved[] | null> {
  if (interpreter !== undefined || afresh === true) return null;
  const files = filesFor(task);
  const programs = task.members.filter(isProgram);
  for (const { facts, host } of programs) {
    const { at, started } = entryOf(facts, files, { environment: task.environment, host });
    if (at === null) continue;
    const stays = isLoader(at.kind) || (keepStandIn && isStandIn(at.kind) && started !== null);
    if (!stays) return null;
  }
  const [first] = task.members;
  if (first === undefined) return null;
  const { store } = task;
  const assumed =
    task.loadedBy?.loader ??
    programs[0]?.facts.interpreter ??
    (await assumedLoader(first.path, first.facts, { tree, files, store }));
  const asIs = await solve({ ...task, loader: null, assumed, excluded: new Set() });
  const decisive = programs.length > 0 ? asIs.filter(({ member }) => isProgram(member)) : asIs;
  return decisive.every(({ problems }) => problems.length === 0) ? asIs : null;
}
