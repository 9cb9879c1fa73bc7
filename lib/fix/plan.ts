// The fourth stage: which bytes of which files change. Nothing is written.
import { underSignal } from "../addon/cancellation.js";
import { native } from "../addon/native.js";
import type { Edits } from "../addon/requests.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import { lstat } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { type PlanOptions, planKinds } from "../base/options.js";
import { type Choice, choose, membersOf, storeFor } from "../choose/choice.js";
import type { Member, Solved } from "../choose/solve.js";
import { missingLibraries, missingLoader, unmetNeeds } from "../choose/unmet.js";
import { refusalInStore, refusalOfLayout } from "../doctor/unchanged.js";
import { kindOf } from "../file/kind.js";
import { outputPath } from "../file/rooted.js";
import { currentSearchPath } from "../file/search_path.js";
import { isDamage, readTree, type Subject, type Tree } from "../file/tree.js";
import { thisHost } from "../judge/host.js";
import type { ScriptSurroundings } from "../judge/script.js";
import type { Store } from "../store/context.js";
import { inStore, storePathOf } from "../store/place.js";
import type { Edit, FilePlan, FixPlan } from "./outcome.js";
import { planScript } from "./script.js";

/**
 * Plans the fix of each path; below a directory, of every program, library and executable script.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named, `usage`
 */
export async function plan(paths: readonly string[], options: PlanOptions = {}): Promise<FixPlan> {
  checkPaths("plan", paths);
  checkOptions("plan", options, planKinds);
  return underSignal(options.signal, () => planWith(storeFor(options), paths, options));
}

/** `plan`, with a store that was opened earlier with the same options. */
export async function planWith(
  store: Store,
  paths: readonly string[],
  asked: PlanOptions,
): Promise<FixPlan> {
  const { place } = store;
  if (asked.output !== undefined && asked.inPlace === true) {
    throw new FixelfError("usage", "--output and --in-place cannot be combined");
  }
  const output = asked.output === undefined ? undefined : outputPath(asked.output);
  if (output !== undefined) await checkOutput(output, store);
  const options = output === undefined ? asked : { ...asked, output };
  const files: FilePlan[] = [];
  const leftovers: string[] = [];
  for (const path of paths) {
    const tree = await readTree(path, place, "change");
    if (output !== undefined && (tree.directory || paths.length > 1)) {
      throw new FixelfError("usage", "--output takes one file, not a directory or several");
    }
    files.push(...(await planTree(tree, store, options)));
    leftovers.push(...tree.leftovers);
  }
  return {
    files: eachOnce(files),
    leftovers,
    inPlace: options.inPlace ?? false,
    gcRoot: options.gcRoot ?? true,
    ignoreMissing: options.ignoreMissing ?? [],
    ...place,
  };
}

/** A file that was named twice, perhaps by a link, is changed once. */
function eachOnce(files: readonly FilePlan[]): FilePlan[] {
  const changed = new Map<string, FilePlan>();
  return files.map((file) => {
    if (file.layout === null) return file;
    const same = changed.get(file.host);
    if (same === undefined) {
      changed.set(file.host, file);
      return file;
    }
    const reasons = [`it is the same file as ${same.path}, and is fixed with it`];
    return { ...file, edits: [], layout: null, reasons };
  });
}

/** An existing file belongs to someone, and a store belongs to Nix. */
async function checkOutput(path: string, store: Store): Promise<void> {
  if (inStore(path, store.place.store))
    throw new FixelfError("in-store", `${path} would be inside the store`, { path });
  const present = await lstat(path).catch(() => null);
  if (present !== null) {
    const message = `${path} already exists; remove it or name another file`;
    throw new FixelfError("usage", message, { path });
  }
}

async function planTree(tree: Tree, store: Store, options: PlanOptions): Promise<FilePlan[]> {
  const plans: FilePlan[] = [];
  const members: Member[] = [];
  const changeable = new Map(membersOf(tree).map((member) => [member.path, member]));
  const surroundings = surroundingsOfScripts(tree, store);
  for (const subject of tree.subjects) {
    const { facts, path } = subject;
    const refusal = refusalOf(subject, store, options);
    const member = changeable.get(path);
    if (subject.shebang !== null && refusal === null) {
      const planned = await planScript(
        subject,
        { tree, store, options },
        surroundings,
        emptyPlan(subject, options, {}),
      );
      // Many modules are marked executable but are rarely run, and this one was not named explicitly.
      if (!tree.directory || planned.refusal === null) plans.push(planned);
    } else if (refusal !== null) plans.push(emptyPlan(subject, options, { refusal }));
    else if (member !== undefined) members.push(member);
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
  for (const { shown, host, content } of tree.forOtherSystems)
    plans.push({
      ...emptyFilePlan(shown, host),
      reasons: [`it is ${content.what}; it is left as it is`],
      passedOver: true,
    });
  const choices = await choose(members, tree, store, options);
  plans.push(...(await Promise.all(choices.map((each) => planChoice(each, store, options)))));
  for (const each of plans) tellOtherNames(each, options);
  return plans.sort((first, second) => (first.path < second.path ? -1 : 1));
}

/** A fix outlasts the session, so only an empty environment counts. */
function surroundingsOfScripts(tree: Tree, { place }: Store): ScriptSurroundings {
  const files = new native.Files(place.root);
  if (tree.outside) for (const { host } of tree.subjects) files.passThrough(host);
  const host = place.root === "" ? thisHost() : null;
  return { files, place, host, tree, environments: [{}] };
}

function tellOtherNames(plan: FilePlan, { inPlace }: PlanOptions): void {
  const { layout, output, host, reasons } = plan;
  if (layout === null || output !== host) return;
  if (inPlace && layout.refusalInPlace !== null) {
    const refusal = { code: "unsupported", message: layout.refusalInPlace, failed: false } as const;
    Object.assign(plan, { edits: [], layout: null, refusal });
  } else if (layout.links > 1)
    reasons.push("it has other names (hard links): this one becomes a file of its own");
}

async function planChoice(choice: Choice, store: Store, options: PlanOptions): Promise<FilePlan> {
  switch (choice.kind) {
    case "solved":
      return planFile(choice.solved, store, options);
    case "passed-over":
      return emptyPlan(choice.member, options, { reasons: [choice.why], passedOver: true });
    case "failed": {
      const { code, message } = choice.failure;
      const missing = code === "unsolvable" ? await missingLoader(choice.member, store) : [];
      const refusal = { code, message, failed: false };
      return emptyPlan(choice.member, options, { missing, refusal });
    }
  }
}

function refusalOf(subject: Subject, store: Store, options: PlanOptions): FilePlan["refusal"] {
  const inItsStore = options.output === undefined && refusalInStore(subject, options, store.place);
  if (inItsStore) return { code: "in-store", message: inItsStore, failed: false };
  if (subject.failure === null || subject.shebang !== null) return null;
  const { code, remedy } = subject.failure;
  const message = subject.failure.message + (remedy === undefined ? "" : `; ${remedy}`);
  return { code, message, failed: code !== "not-elf" && !isDamage(code) };
}

async function planFile(solved: Solved, store: Store, options: PlanOptions): Promise<FilePlan> {
  const { member } = solved;
  const { facts } = member;
  const loader = solved.interpreter ?? solved.resolution.interpreter.path ?? solved.assumed;
  const { reasons } = solved;
  const trustedLoader = (await isKnown(loader, store)) ? loader : null;
  const opener = solved.loadedBy?.path ?? null;
  const about = { reasons, dynamic: true, loader, opener, trustedLoader };
  const filePlan = emptyPlan(member, options, about);
  const unmet = await unmetNeeds(solved, loader, store);
  if (unmet.length > 0) {
    const { problems, neededBeyond } = solved;
    const advice = problems.some(
      ({ need }) => need?.kind === "library" && !neededBeyond.has(need.library.soname),
    )
      ? "; get it with --get, give its directory with --lib, or leave it out with --ignore-missing"
      : "";
    const message = `${unmet.join("; ")}${advice}`;
    const missing = await missingLibraries(solved, store);
    return { ...filePlan, missing, refusal: { code: "unsolvable", message, failed: false } };
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
  // With --output, even a file that needs no change is expected to arrive there.
  if (filePlan.edits.length === 0 && filePlan.output === filePlan.host) return filePlan;
  try {
    filePlan.layout = await native.layOut(member.host, edits, facts);
    filePlan.reasons.push(...filePlan.layout.reasons);
  } catch (caught) {
    return { ...filePlan, edits: [], refusal: refusalOfLayout(caught, member, options) };
  }
  return filePlan;
}

/** Whether a loader is one that could be chosen; those outside the store are not looked for. */
async function isKnown(loader: string | null, store: Store): Promise<boolean> {
  if (loader === null) return false;
  if (loader !== store.userLoader && !inStore(loader, store.place.store)) return false;
  return (await store.loaders()).some(({ path }) => path === loader);
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
  return { ...empty, kind: kindOf(subject), output, ...given };
}

function emptyFilePlan(path: string, host: string): FilePlan {
  return {
    path,
    kind: "other",
    host,
    output: host,
    dynamic: false,
    script: false,
    loader: null,
    opener: null,
    trustedLoader: null,
    passedOver: false,
    edits: [],
    reasons: [],
    storePaths: [],
    missing: [],
    refusal: null,
    layout: null,
  };
}
