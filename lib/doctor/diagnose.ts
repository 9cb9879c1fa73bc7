// The third stage: what is wrong with a file, from its facts and its resolution. Nothing is run.
import type { Facts } from "../facts.js";
import { kernelRuns } from "../machine.js";
import { native, settled } from "../native.js";
import type { CommonOptions } from "../options.js";
import { Store } from "../store/context.js";
import { storePlace } from "../store/place.js";
import { isDamage, readTree, type Subject, type Tree } from "../subject.js";
import { type Circumstances, interpreterFor } from "./circumstances.js";
import { dlopenFindings } from "./dlopen.js";
import { type Diagnosis, type Finding, isCertain } from "./finding.js";
import { interpreterFindings } from "./interpreter.js";
import { libraryFindings } from "./libraries.js";
import { machineFindings } from "./machine.js";
import { malformedFinding } from "./malformed.js";
import { permissionFindings } from "./permission.js";
import { scriptFindings } from "./script.js";
import { versionFindings } from "./versions.js";

/**
 * Diagnoses each path, and for a directory each ELF file below it.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named
 */
export async function diagnose(
  paths: readonly string[],
  options: CommonOptions = {},
): Promise<Diagnosis[]> {
  const place = storePlace(options);
  const store = new Store(place, options);
  const files = new native.Files(place.root);
  const diagnoses: Diagnosis[] = [];
  for (const path of paths) {
    const tree = await readTree(path, place.root);
    if (tree.outside) for (const { host } of tree.subjects) files.passThrough(host);
    const circumstances: Circumstances = { place, store, files, tree, options };
    const worthSaying = tree.subjects.filter(({ facts }) => !tree.directory || isLoaded(facts));
    if (tree.directory && worthSaying.length === 0) diagnoses.push(withoutElf(tree));
    for (const subject of worthSaying) diagnoses.push(await examine(subject, circumstances));
  }
  return diagnoses;
}

/** Below a directory, what no loader ever opens (object files, cores) is passed over. */
function isLoaded(facts: Facts | null): boolean {
  return facts === null || !["relocatable", "core", "other"].includes(facts.type);
}

async function examine(subject: Subject, circumstances: Circumstances): Promise<Diagnosis> {
  const { shown: path, facts, failure } = subject;
  if (facts === null) {
    if (subject.shebang !== null) return script(subject, circumstances);
    const message = failure?.message ?? "it cannot be read";
    if (failure === null || isDamage(failure.code)) {
      const findings = [malformedFinding(subject)];
      return { path, verdict: "broken", summary: message, findings };
    }
    const verdict = failure.code === "not-elf" ? "not-elf" : "unreadable";
    return { path, verdict, summary: message, findings: [] };
  }
  if (!isLoaded(facts)) {
    const summary = `this is a ${facts.type} file, which no loader opens`;
    return { path, verdict: "not-a-program", summary, findings: [] };
  }
  const isProgram = facts.type !== "shared-library";
  const findings: Finding[] = [];
  // An image's programs are not meant for this machine: only its own kernel could say.
  if (circumstances.place.root === "" && isProgram && !kernelRuns(facts)) {
    findings.push(...machineFindings(subject, facts));
  }
  if (isProgram) findings.push(...(await permissionFindings(subject)));
  if (facts.type === "static" || facts.type === "static-pie") {
    const summary = "static: it needs neither a loader nor libraries";
    return verdictOf(path, findings, "static", summary);
  }
  const interpreter = await interpreterFor(facts, circumstances);
  const resolution = await settled(
    circumstances.files.resolve(subject.path, {
      ...(interpreter === null ? {} : { interpreter }),
      libraryPath: circumstances.options.libraryPath ?? "",
    }),
  );
  findings.push(
    ...(await interpreterFindings(subject, facts, resolution, circumstances)),
    ...(await libraryFindings(subject, facts, resolution, circumstances)),
    ...(await versionFindings(subject, resolution, circumstances)),
  );
  // What does not start needs no guesses about what it would do then.
  if (findings.length === 0) {
    findings.push(...(await dlopenFindings(subject, facts, resolution, circumstances)));
  }
  const count = resolution.libraries.filter((library) => library.path !== null).length;
  const summary = `its loader and all ${count} libraries are found`;
  return verdictOf(
    path,
    findings,
    "healthy",
    isProgram ? summary : `all ${count} libraries that it needs are found`,
  );
}

async function script(subject: Subject, circumstances: Circumstances): Promise<Diagnosis> {
  const findings = scriptFindings(subject, circumstances);
  const summary = `a script, run by ${subject.shebang?.split(/\s/, 1)[0]}`;
  return verdictOf(subject.shown, findings, "script", summary);
}

function verdictOf(
  path: string,
  findings: Finding[],
  good: Diagnosis["verdict"],
  summary: string,
): Diagnosis {
  const first = findings.find(isCertain);
  if (first === undefined) return { path, verdict: good, summary, findings };
  return { path, verdict: "broken", summary: first.message, findings };
}

function withoutElf(tree: Tree): Diagnosis {
  const summary = "there is no ELF file below this directory";
  return { path: tree.shown, verdict: "not-elf", summary, findings: [] };
}
