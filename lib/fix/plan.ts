// The fourth stage: which bytes of which files change. Nothing is written.
import { lstat } from "node:fs/promises";
import type { Facts } from "../addon/facts.js";
import { type Edits, fromNative, native } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import type { CommonOptions, PlanOptions } from "../base/options.js";
import { fittingSet, type LoaderlessProblem } from "../choose/fitting_set.js";
import { suitableLoaders } from "../choose/loader_choice.js";
import { type Member, type Solved, solve } from "../choose/solve.js";
import { unmetNeeds } from "../choose/unmet.js";
import { describeMachine, sameMachine } from "../file/machine.js";
import { outputPath } from "../file/rooted.js";
import { currentSearchPath } from "../file/search_path.js";
import { isDamage, readTree, type Subject, type Tree } from "../file/tree.js";
import { Store } from "../store/context.js";
import { inStore, storePathOf, storePlace } from "../store/place.js";
import type { Edit, FilePlan, FixPlan } from "./outcome.js";
import { planScript } from "./script.js";

/**
 * Plans the fix of each path; below a directory, of every program, library and executable script.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named, `usage`
 */
export async function plan(paths: readonly string[], options: PlanOptions = {}): Promise<FixPlan> {
  return planWith(storeFor(options), paths, options);
}

/** The store that a plan chooses from: who plans again and again need not read it each time. */
export function storeFor(
  options: CommonOptions & {
    interpreter?: string;
    libraryDirectories?: readonly string[];
  },
): Store {
  return new Store(storePlace(options), {
    userLoader: options.interpreter,
    userLibraryDirectories: options.libraryDirectories,
    index: options.index,
    onIndex: options.onIndex,
  });
}

/** `plan`, with a store that was opened before, with the same options. */
export async function planWith(
  store: Store,
  paths: readonly string[],
  asked: PlanOptions,
): Promise<FixPlan> {
  const { place } = store;
  if (asked.output !== undefined && asked.inPlace === true) {
    throw new FixelfError("usage", "--output and --in-place exclude each other");
  }
  const output = asked.output === undefined ? undefined : outputPath(asked.output);
  if (output !== undefined) await checkOutput(output, store);
  const options = output === undefined ? asked : { ...asked, output };
  const files: FilePlan[] = [];
  const leftovers: string[] = [];
  for (const path of paths) {
    const tree = await readTree(path, place.root, "change");
    if (output !== undefined && (tree.directory || paths.length > 1)) {
      throw new FixelfError("usage", "--output takes one file, not a directory or several");
    }
    files.push(...(await planTree(tree, store, options)));
    leftovers.push(...tree.leftovers);
  }
  return {
    files,
    leftovers,
    inPlace: options.inPlace ?? false,
    gcRoot: options.gcRoot ?? true,
    ignoreMissing: options.ignoreMissing ?? [],
    ...place,
  };
}

/** A file that is there already is somebody's, and a store belongs to Nix. */
async function checkOutput(path: string, store: Store): Promise<void> {
  if (inStore(path, store.place.store))
    throw new FixelfError("in-store", `${path} would be inside the store`, { path });
  const present = await lstat(path).catch(() => null);
  if (present !== null) {
    const message = `${path} exists already; remove it or name another file`;
    throw new FixelfError("usage", message, { path });
  }
}

async function planTree(tree: Tree, store: Store, options: PlanOptions): Promise<FilePlan[]> {
  const plans: FilePlan[] = [];
  const members: (Member & { subject: Subject })[] = [];
  for (const subject of tree.subjects) {
    const { facts, path } = subject;
    const refusal = refusalOf(subject, store);
    if (subject.shebang !== null && refusal === null) {
      const planned = await planScript(subject, tree, store, emptyPlan(subject, options, {}));
      // Modules that may be executed are many, and seldom are: nobody asked for this one by name.
      if (!tree.directory || planned.refusal === null) plans.push(planned);
    } else if (refusal !== null) plans.push(emptyPlan(subject, options, { refusal }));
    else if (facts !== null && isFixable(facts)) members.push({ path, facts, subject });
    else if (!tree.directory) {
      const reasons = [`${facts?.type ?? "no ELF file"}: it needs neither a loader nor libraries`];
      plans.push(emptyPlan(subject, options, { reasons }));
    }
  }
  if (tree.directory && plans.length + members.length === 0) {
    const message =
      "there is no program and no library below this directory, and no script that can be fixed";
    const refusal = { code: "not-elf", message, failed: false } as const;
    plans.push({ ...emptyFilePlan(tree.shown, tree.shown), refusal });
  }
  for (const group of groupByMachine(members)) {
    plans.push(...(await planGroup(group, tree, store, options)));
  }
  return plans.sort((first, second) => (first.path < second.path ? -1 : 1));
}

function isFixable(facts: Facts): boolean {
  const kinds: Facts["type"][] = ["executable", "pie", "shared-library"];
  return (
    kinds.includes(facts.type) && (facts.interpreter !== null || facts.type === "shared-library")
  );
}

function refusalOf(subject: Subject, store: Store): FilePlan["refusal"] {
  if (inStore(subject.path, store.place.store)) {
    const message = "it is inside the store, which nothing but Nix may write to; copy it out first";
    return { code: "in-store", message, failed: false };
  }
  if (subject.failure === null || subject.shebang !== null) return null;
  const { code, message } = subject.failure;
  return { code, message, failed: code !== "not-elf" && !isDamage(code) };
}

type Group = (Member & { subject: Subject })[];

function groupByMachine(members: Group): Group[] {
  const groups: Group[] = [];
  for (const member of members) {
    const group = groups.find(([first]) => first && sameMachine(first.facts, member.facts));
    if (group === undefined) groups.push([member]);
    else group.push(member);
  }
  return groups;
}

/** How far a choice may leave things as they are. */
export interface SolveOptions extends Pick<PlanOptions, "interpreter" | "ignoreMissing"> {
  /** Choose a loader even where the one that is named is there and all libraries are found. */
  anew?: boolean;
}

/**
 * What a plan is made of, for who changes no file: loader and libraries of all programs and
 * libraries of a tree, those of one machine together.
 * @throws FixelfError `unsolvable`
 */
export async function solveTree(
  tree: Tree,
  store: Store,
  options: SolveOptions = {},
): Promise<Solved[]> {
  const members = tree.subjects.flatMap((subject) =>
    subject.facts !== null && isFixable(subject.facts)
      ? [{ path: subject.path, facts: subject.facts, subject }]
      : [],
  );
  const solved: Solved[] = [];
  for (const group of groupByMachine(members)) {
    solved.push(...(await solveGroup(group, tree, store, options)));
  }
  return solved;
}

/** One loader and one set of libraries for all that may come together in a process. */
function solveGroup(
  group: Group,
  tree: Tree,
  store: Store,
  options: SolveOptions,
): Promise<Solved[]> {
  const outside = tree.outside ? tree.subjects.map(({ host }) => host) : [];
  const problem: LoaderlessProblem = {
    members: group,
    bundled: tree.directory ? group : [],
    store,
    root: store.place.root,
    outside,
    ignoreMissing: options.ignoreMissing ?? [],
  };
  return solveWithBestLoader(problem, group, options);
}

async function planGroup(
  group: Group,
  tree: Tree,
  store: Store,
  options: PlanOptions,
): Promise<FilePlan[]> {
  let solved: Solved[];
  try {
    solved = await solveGroup(group, tree, store, options);
  } catch (caught) {
    const { code, message } = fromNative(caught);
    const refusal = { code, message, failed: false };
    return group.map(({ subject }) => emptyPlan(subject, options, { refusal }));
  }
  return Promise.all(
    solved.map((each, index) =>
      planFile(each, (group[index] as Group[number]).subject, store, options),
    ),
  );
}

async function solveWithBestLoader(
  problem: LoaderlessProblem,
  group: Group,
  options: SolveOptions,
): Promise<Solved[]> {
  const facts = group.map((member) => member.facts);
  // Programs that work as they are stay as they are, and so does the loader of what they load.
  if (options.interpreter === undefined && options.anew !== true && mayWork(problem, facts)) {
    const own = facts.find((each) => each.interpreter !== null && each.type !== "shared-library");
    const asIs = await solve({
      ...problem,
      loader: null,
      assumed: own?.interpreter ?? null,
      excluded: new Set(),
    });
    const programs = asIs.filter(({ member }) => member.facts.type !== "shared-library");
    if ((programs.length > 0 ? programs : asIs).every(works)) return asIs;
  }
  const solved = await fittingSet(problem, await suitableLoaders(group, problem.store));
  if (solved === null) {
    const machine = facts[0] === undefined ? "this machine" : describeMachine(facts[0]);
    throw new FixelfError("unsolvable", `no loader for ${machine} was found`);
  }
  return solved;
}

/** Not where a program's loader is missing: then no library has to be looked for to know it. */
function mayWork({ root, outside }: LoaderlessProblem, all: readonly Facts[]): boolean {
  const files = new native.Files(root);
  for (const path of outside) files.passThrough(path);
  const loaders = all.flatMap(({ type, interpreter }) =>
    type === "shared-library" || interpreter === null ? [] : interpreter,
  );
  return [...new Set(loaders)].every((loader) => files.look(loader).state !== "missing");
}

/** Whether the loader would start it (or load it) without complaint. */
function works({ resolution, unresolved, member }: Solved): boolean {
  return (
    unresolved.length === 0 &&
    (member.facts.type === "shared-library" || resolution.interpreter.found) &&
    resolution.versionProblems.every(({ weak }) => weak)
  );
}

async function planFile(
  solved: Solved,
  subject: Subject,
  store: Store,
  options: PlanOptions,
): Promise<FilePlan> {
  const { facts } = solved.member;
  const loader = solved.interpreter ?? solved.resolution.interpreter.path ?? solved.assumed;
  const { reasons } = solved;
  const filePlan = emptyPlan(subject, options, { reasons, dynamic: true, loader });
  const unmet = await unmetNeeds(solved, loader, store);
  if (unmet.length > 0) {
    const advice =
      solved.unresolved.length > 0
        ? "; give its directory with --lib, or leave it out with --ignore-missing"
        : "";
    const message = `${unmet.join("; ")}${advice}`;
    return { ...filePlan, refusal: { code: "unsolvable", message, failed: false } };
  }
  const edits: Edits = {};
  if (solved.interpreter !== null && solved.interpreter !== facts.interpreter) {
    edits.interpreter = solved.interpreter;
    filePlan.edits.push({ what: "interpreter", from: facts.interpreter, to: solved.interpreter });
  }
  const current = currentSearchPath(facts);
  const value = solved.entries.join(":");
  if (value !== current.entries.join(":") || (value !== "" && solved.tag !== current.tag)) {
    edits.searchPath = { value, tag: solved.tag };
    const from = facts.runpath ?? facts.rpath;
    filePlan.edits.push({ what: solved.tag, from, to: value });
  }
  filePlan.storePaths = storePathsOf(solved, store);
  // With --output even a file that needs no change is expected to arrive there.
  if (filePlan.edits.length === 0 && filePlan.output === filePlan.host) return filePlan;
  try {
    filePlan.layout = await native.layOut(subject.host, edits);
    filePlan.reasons.push(...filePlan.layout.reasons);
  } catch (caught) {
    const { code, message } = fromNative(caught);
    return { ...filePlan, edits: [], refusal: { code, message, failed: false } };
  }
  return filePlan;
}

function storePathsOf(solved: Solved, store: Store): string[] {
  const interpreter = solved.interpreter ?? solved.member.facts.interpreter;
  const pointedAt: Edit["to"][] = [
    ...solved.entries,
    ...(interpreter === null ? [] : [interpreter]),
  ];
  const storePaths = pointedAt.map((path) => storePathOf(path, store.place.store));
  return [...new Set(storePaths.filter((path) => path !== null))];
}

function emptyPlan(subject: Subject, options: PlanOptions, given: Partial<FilePlan>): FilePlan {
  const output = options.output ?? subject.host;
  const empty = emptyFilePlan(subject.shown, subject.host);
  return { ...empty, output, ...given };
}

function emptyFilePlan(path: string, host: string): FilePlan {
  return {
    path,
    host,
    output: host,
    dynamic: false,
    script: false,
    loader: null,
    edits: [],
    reasons: [],
    storePaths: [],
    refusal: null,
    layout: null,
  };
}
