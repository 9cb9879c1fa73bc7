// The third stage: what is wrong with a file, and what helps. Nothing is run.
import { underSignal } from "../addon/cancellation.js";
import type { Facts } from "../addon/facts.js";
import { type NativeFiles, native } from "../addon/native.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import { FixelfError, isOfTheMoment } from "../base/errors.js";
import { type CommonOptions, commonKinds, indexOptions } from "../base/options.js";
import { companiesOf, whyForNothing } from "../file/company.js";
import { isStandIn } from "../file/interpreter.js";
import { isOpenedByLoaders, isStartedByLoader, kindOf } from "../file/kind.js";
import { kernelRuns, type Machine, thisMachine } from "../file/machine.js";
import type { Environment } from "../file/stand_in.js";
import { type ForOtherSystem, isDamage, readTree, type Subject, type Tree } from "../file/tree.js";
import { assumedLoader } from "../judge/assumed_loader.js";
import { thisHost } from "../judge/host.js";
import { foreignTo, problemsOf, problemsOfScript, problemsOfStatic } from "../judge/judge.js";
import { loadedObjects } from "../judge/loaded.js";
import { loadingProgram, whyNotLoaded } from "../judge/loading_program.js";
import { malformedProblem, noElf, noElfFile } from "../judge/malformed.js";
import { openingProblems } from "../judge/opened.js";
import { isError, type Problem } from "../judge/problem.js";
import { type Start, startOf } from "../judge/start.js";
import { LazyStore } from "../store/lazy.js";
import { placeOf } from "../store/place.js";
import type { Circumstances } from "./circumstances.js";
import { dlopenFindings } from "./dlopen.js";
import { dlopenCandidates } from "./dlopen_candidates.js";
import { driverFindings, isDriverName } from "./driver.js";
import { asFinding, type Diagnosis, type Finding } from "./finding.js";
import { gcFindings } from "./gc.js";
import { inSession, type Judged, loaderVariables } from "./session.js";
import { canChange, canChangeScript } from "./unchanged.js";

/**
 * Diagnoses each path, and for a directory each ELF file and each executable script below it.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named
 */
export async function diagnose(
  paths: readonly string[],
  options: CommonOptions = {},
): Promise<Diagnosis[]> {
  checkOptions("diagnose", options, commonKinds);
  return underSignal(options.signal, async () => {
    const diagnoses: Diagnosis[] = [];
    for await (const diagnosis of diagnoseEach(paths, options)) diagnoses.push(diagnosis);
    return diagnoses;
  });
}

/**
 * `diagnose`, one file after another.
 * @param onRead told how many files there are at and below each path, before the first is examined
 */
export async function* diagnoseEach(
  paths: readonly string[],
  options: CommonOptions = {},
  onRead: (files: number) => void = () => {},
): AsyncGenerator<Diagnosis> {
  checkPaths("diagnose", paths);
  checkOptions("diagnose", options, commonKinds);
  const place = placeOf(options);
  const store = new LazyStore(place, indexOptions(options));
  const files = new native.Files(place.root);
  const host = place.root === "" ? thisHost() : null;
  for (const path of paths) {
    const tree = await readTree(path, place);
    if (tree.outside) for (const { host } of tree.subjects) files.passThrough(host);
    const circumstances = { place, store, files, tree, options, host, changeable: true };
    const forNothing = whatIsForNothing(tree, place.root);
    const worthSaying = tree.subjects.filter(({ facts }) => !tree.directory || isLoaded(facts));
    onRead(worthSaying.length);
    if (tree.directory && worthSaying.length === 0) yield withoutElf(tree);
    for (const subject of worthSaying) {
      const why = forNothing.get(subject);
      const examined =
        why === undefined
          ? await examine(subject, circumstances).catch(unreadable(subject, tree))
          : otherLibc(subject, why);
      yield { ...examined, kind: kindOf(subject) };
    }
    yield* tree.forOtherSystems.map(otherSystem);
  }
}

/** Libraries for a libc other than that of the programs beside them, with the reason. */
function whatIsForNothing({ directory, subjects }: Tree, root: string): Map<Subject, string> {
  const found = new Map<Subject, string>();
  if (!directory) return found;
  const members = subjects.flatMap((subject) => {
    const { facts } = subject;
    const isMember =
      facts !== null && (facts.type === "shared-library" || isStartedByLoader(facts));
    return isMember && (root !== "" || kernelRuns(facts)) ? [{ subject, facts }] : [];
  });
  const companies = companiesOf(members);
  for (const company of companies) {
    const why = whyForNothing(company, companies, root);
    if (why !== null) for (const { subject } of company) found.set(subject, why);
  }
  return found;
}

/**
 * What a package includes for other libcs does not make it worse with this one; but what was named itself has to fit.
 */
function otherLibc({ shown: path }: Subject, why: string, isNamed = false): Examined {
  const finding: Finding = {
    ...{ code: "other-libc", severity: isNamed ? "error" : "warning", message: why },
    ...{ evidence: [], cause: null },
    remedy: isNamed
      ? "Get the build for the program's libc and machine"
      : "Leave it as it is: nothing has to be done",
  };
  return { path, verdict: isNamed ? "broken" : "other-libc", summary: why, findings: [finding] };
}

/** What a package includes for other systems does not make it worse on this one. */
function otherSystem({ shown: path, content }: ForOtherSystem): Diagnosis {
  const problem = { ...noElf(content), severity: "warning" as const };
  const { message: summary } = problem;
  const findings = [known(problem)];
  return { path, kind: "other", verdict: "other-machine", summary, findings };
}

/** What is found out about a file; its path and kind are known beforehand. */
type Examined = Omit<Diagnosis, "kind">;

/** One of many files that has since vanished, or cannot be reached by its name, is reported; the others go on. */
function unreadable({ shown }: Subject, { directory }: Tree): (failure: unknown) => Examined {
  return (failure) => {
    if (!directory || !FixelfError.is(failure) || isOfTheMoment(failure)) throw failure;
    return { path: shown, verdict: "unreadable", summary: failure.message, findings: [] };
  };
}

/** Below a directory, files that no loader ever opens (object files, cores) are skipped. */
function isLoaded(facts: Facts | null): boolean {
  return facts === null || isOpenedByLoaders(facts);
}

async function examine(subject: Subject, circumstances: Circumstances): Promise<Examined> {
  const { shown: path, facts, failure } = subject;
  if (facts === null) {
    if (subject.shebang !== null) return examineScript(subject, circumstances);
    const message = failure?.message ?? "it cannot be read";
    if (failure === null || isDamage(failure.code))
      return asFound(path, [known(malformedProblem(subject))], "broken", message);
    if (failure.code !== "not-elf")
      return { path, verdict: "unreadable", summary: message, findings: [] };
    const problem = noElfFile(subject);
    return { path, verdict: "not-elf", summary: problem.message, findings: [known(problem)] };
  }
  if (!isLoaded(facts)) {
    const summary = `this is a ${facts.type} file, which no loader opens`;
    return { path, verdict: "not-a-program", summary, findings: [] };
  }
  const foreign = foreignTo(facts, circumstances);
  if (foreign !== null) {
    const finding = known(foreign);
    if (!circumstances.tree.directory) return asFound(path, [finding], "broken", foreign.message);
    // What a package includes for other machines does not make it worse on this one.
    const findings = [{ ...finding, severity: "warning" as const }];
    return { path, verdict: "other-machine", summary: foreign.message, findings };
  }
  if (facts.type === "static" || facts.type === "static-pie") {
    const problems = await problemsOfStatic({ ...subject, facts }, circumstances);
    const findings = await withRemedies(problems, subject, facts, circumstances);
    const summary = "static: it needs neither a loader nor libraries";
    return asFound(path, findings, "static", summary);
  }
  return examineDynamic(subject, facts, circumstances);
}

async function examineDynamic(
  subject: Subject,
  facts: Facts,
  whole: Circumstances,
): Promise<Examined> {
  const { files, options, store } = whole;
  const own = { ...subject, facts };
  const { program } = options;
  const system = whole.place;
  const why = whyNotLoaded(facts, { program, system }, files);
  if (why !== null) return otherLibc(subject, why, !whole.tree.directory);
  const assumed = await assumedLoader(subject.path, facts, { ...whole, program });
  const opener = loadingProgram(subject.path, facts, { program, system }, files);
  const judgeWith = async (environment: Environment): Promise<Judged> => {
    const asked = { assumed, opener: opener?.path ?? null, environment, host: subject.host };
    const start = await startOf(subject.path, facts, files, asked);
    return { start, problems: await problemsOf(own, start, whole) };
  };

  const empty = await judgeWith(emptyEnvironment(whole));
  const session = sessionOf(whole, facts);
  const { judged, finding } =
    Object.keys(session).length === 0
      ? { judged: empty, finding: null }
      : await inSession(subject, facts, empty, session, judgeWith);

  const { start, problems } = judged;
  const changeable = await canChange(subject, facts, problems, store);
  const circumstances = { ...whole, changeable };
  const { resolution } = start;
  const objects = loadedObjects(subject, facts, resolution, files);
  const findings = await withRemedies(problems, subject, facts, circumstances);
  if (finding !== null) findings.push(finding);
  if (!findings.some(isError)) {
    findings.push(
      ...(await openingProblems({ path: subject.path, facts }, opener, files)).map(known),
    );
  }
  // If it does not start, there is no point in guessing what it would do afterwards.
  const starts = !findings.some(isError);
  const candidates = starts
    ? await dlopenCandidates(subject, facts, resolution, objects, circumstances)
    : null;
  findings.push(
    ...(await driverFindings(subject, facts, resolution, objects, candidates, circumstances)),
  );
  if (candidates !== null)
    findings.push(...(await dlopenFindings(candidates, circumstances, isDriverName)));
  if (starts) findings.push(...(await gcFindings(subject, facts, circumstances)));
  return asFound(subject.shown, findings, "healthy", summaryOf(facts, start, files));
}

function emptyEnvironment({ options }: Circumstances): Environment {
  return { LD_LIBRARY_PATH: options.libraryPath };
}

/** What the session adds to it; nothing if no variable of it matters. */
function sessionOf({ host, options }: Circumstances, machine: Machine): Environment {
  // Another system's root has sessions of its own, and a caller that assumes a search path has already specified it.
  return host === null || options.libraryPath !== undefined ? {} : loaderVariables(machine);
}

function summaryOf(facts: Facts, { at, started, resolution }: Start, files: NativeFiles): string {
  const count = resolution.libraries.filter((library) => library.path !== null).length;
  if (facts.type === "shared-library") {
    if (count === 0) return "it needs no libraries";
    return count === 1
      ? "the library that it needs is found"
      : `all ${count} libraries that it needs are found`;
  }
  const libraries = count === 1 ? "its library" : `all ${count} libraries`;
  if (at !== null && isStandIn(at.kind) && started !== null) {
    const loader = files.realPath(started.loader);
    const found = count === 1 ? "is found" : "are found";
    return `it runs through ${at.kind} with ${loader}, and ${libraries} ${found}`;
  }
  return count === 0
    ? "its loader is found, and it needs no libraries"
    : `its loader and ${libraries} are found`;
}

async function examineScript(subject: Subject, circumstances: Circumstances): Promise<Examined> {
  const interpreter = subject.shebang?.interpreter ?? "";
  const { scriptFindings } = await import("./script.js");
  const changeable = await canChangeScript(subject, circumstances.place);
  const environments = [emptyEnvironment(circumstances), sessionOf(circumstances, thisMachine())];
  const findings = [
    ...(await problemsOfScript(subject, circumstances)).map(known),
    ...(await scriptFindings(subject, { ...circumstances, changeable }, environments)),
  ];
  if (!findings.some(isError)) {
    const pointers = { interpreter, runpath: null, rpath: null };
    findings.push(...(await gcFindings(subject, pointers, circumstances)));
  }
  return asFound(subject.shown, findings, "script", `a script, run by ${interpreter}`);
}

/** The remedies are a fifth of the code, and a healthy program is reported sooner without loading them. */
async function withRemedies(
  problems: readonly Problem[],
  ...about: [Subject, Facts, Circumstances]
): Promise<Finding[]> {
  if (problems.length === 0) return [];
  return (await import("./remedy.js")).findingsOf(problems, ...about);
}

/** A problem whose remedy does not depend on the store. */
function known(problem: Problem): Finding {
  return asFinding(problem, { evidence: [], remedy: problem.remedy ?? "" });
}

function asFound(
  path: string,
  findings: Finding[],
  good: Diagnosis["verdict"],
  summary: string,
): Examined {
  const first = findings.find(isError);
  if (first === undefined) return { path, verdict: good, summary, findings };
  return { path, verdict: "broken", summary: first.message, findings };
}

function withoutElf(tree: Tree): Diagnosis {
  const summary = "there is no ELF file and no script below this directory";
  return { path: tree.shown, kind: "other", verdict: "not-elf", summary, findings: [] };
}
