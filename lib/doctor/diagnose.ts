// The third stage: what is wrong with a file, from its facts and its resolution. Nothing is run.
import type { Facts } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { resolveWith } from "../addon/resolutions.js";
import type { CommonOptions } from "../base/options.js";
import { kernelRuns, sameMachine, thisMachine } from "../file/machine.js";
import { isDamage, readTree, type Subject, type Tree } from "../file/tree.js";
import { type Circumstances, interpreterFor } from "../judge/circumstances.js";
import { type Host, thisHost } from "../judge/host.js";
import { type LoadedObject, loadedObjects } from "../judge/loaded.js";
import { LazyStore } from "../store/lazy.js";
import { storePlace } from "../store/place.js";
import { dlopenFindings } from "./dlopen.js";
import { dlopenCandidates } from "./dlopen_candidates.js";
import { comesWithDriver, driverFindings, isDriverName } from "./driver.js";
import { type Diagnosis, type Finding, isError } from "./finding.js";
import { gcFindings } from "./gc.js";
import { interpreterFindings } from "./interpreter.js";
import { isaFindings } from "./isa.js";
import { kernelFindings } from "./kernel.js";
import { libcFindings } from "./libc.js";
import { libraryFindings } from "./libraries.js";
import { machineFindings } from "./machine.js";
import { malformedFinding } from "./malformed.js";
import { mountFindings } from "./mount.js";
import { permissionFindings } from "./permission.js";
import { relrFindings } from "./relr.js";
import { versionFindings } from "./versions.js";

/**
 * Diagnoses each path, and for a directory each ELF file and each executable script below it.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named
 */
export async function diagnose(
  paths: readonly string[],
  options: CommonOptions = {},
): Promise<Diagnosis[]> {
  const place = storePlace(options);
  const store = new LazyStore(place, options);
  const files = new native.Files(place.root);
  const host = place.root === "" ? thisHost() : null;
  const diagnoses: Diagnosis[] = [];
  for (const path of paths) {
    const tree = await readTree(path, place.root);
    if (tree.outside) for (const { host } of tree.subjects) files.passThrough(host);
    const circumstances: Circumstances = { place, store, files, tree, options };
    const worthSaying = tree.subjects.filter(({ facts }) => !tree.directory || isLoaded(facts));
    if (tree.directory && worthSaying.length === 0) diagnoses.push(withoutElf(tree));
    for (const subject of worthSaying) diagnoses.push(await examine(subject, circumstances, host));
  }
  return diagnoses;
}

/** Below a directory, what no loader ever opens (object files, cores) is passed over. */
function isLoaded(facts: Facts | null): boolean {
  return facts === null || !["relocatable", "core", "other"].includes(facts.type);
}

/** `host` is null for another system's root: only its own kernel could say. */
async function examine(
  subject: Subject,
  circumstances: Circumstances,
  host: Host | null,
): Promise<Diagnosis> {
  const { shown: path, facts, failure } = subject;
  if (facts === null) {
    if (subject.shebang !== null) return examineScript(subject, circumstances, host);
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
  if (host !== null && isProgram && !kernelRuns(facts)) {
    findings.push(...machineFindings(subject, facts));
  }
  const permission = async (ofHost: readonly Finding[]) =>
    isProgram ? permissionFindings(subject, ofHost.some(isNoexec)) : [];
  if (facts.type === "static" || facts.type === "static-pie") {
    const ofHost = hostFindings(subject, [{ path: subject.path, facts }], circumstances, host);
    findings.push(...ofHost, ...(await permission(ofHost)));
    const summary = "static: it needs neither a loader nor libraries";
    return verdictOf(path, findings, "static", summary);
  }
  const { files, options } = circumstances;
  const interpreter = await interpreterFor(facts, circumstances);
  const resolution = await resolveWith(files, subject.path, {
    ...(interpreter === null ? {} : { interpreter }),
    libraryPath: options.libraryPath ?? "",
  });
  const objects = loadedObjects(subject, facts, resolution, files);
  const ofHost = hostFindings(subject, objects, circumstances, host);
  findings.push(
    ...ofHost,
    ...(await permission(ofHost)),
    ...(await interpreterFindings(subject, facts, resolution, circumstances)),
    ...(await libraryFindings(subject, facts, resolution, circumstances, comesWithDriver)),
    ...(await libcFindings(subject, resolution, objects, circumstances)),
    ...(await versionFindings(subject, facts, resolution, circumstances)),
    ...relrFindings(resolution),
  );
  // What does not start needs no guesses about what it would do then.
  const starts = !findings.some(isError);
  const candidates = starts
    ? await dlopenCandidates(subject, resolution, objects, circumstances)
    : null;
  findings.push(
    ...(await driverFindings(subject, facts, resolution, objects, candidates, circumstances)),
  );
  if (candidates !== null)
    findings.push(...dlopenFindings(candidates, circumstances, isDriverName));
  if (starts) findings.push(...(await gcFindings(subject, facts, circumstances)));
  const count = resolution.libraries.filter((library) => library.path !== null).length;
  const summary = `its loader and all ${count} libraries are found`;
  return verdictOf(
    path,
    findings,
    "healthy",
    isProgram ? summary : `all ${count} libraries that it needs are found`,
  );
}

/** What this machine has to say of the files that come together in a process. */
function hostFindings(
  subject: Subject,
  objects: readonly LoadedObject[],
  { files }: Circumstances,
  host: Host | null,
): Finding[] {
  if (host === null) return [];
  const [{ facts }] = objects as [LoadedObject];
  const paths = objects.map(({ path }) => path);
  const ofMount = mountFindings(subject, paths, host, files);
  // qemu-user has a processor and a kernel of its own making.
  if (!sameMachine(facts, thisMachine())) return ofMount;
  return [...ofMount, ...isaFindings(objects, host), ...kernelFindings(objects, host)];
}

function isNoexec({ code }: Finding): boolean {
  return code === "noexec-mount";
}

async function examineScript(
  subject: Subject,
  circumstances: Circumstances,
  host: Host | null,
): Promise<Diagnosis> {
  const interpreter = subject.shebang?.interpreter ?? "";
  const ofMount =
    host === null ? [] : mountFindings(subject, [subject.path], host, circumstances.files);
  const findings = [
    ...ofMount,
    ...(await permissionFindings(subject, ofMount.length > 0)),
    ...(await (await import("./script.js")).scriptFindings(subject, circumstances)),
  ];
  if (!findings.some(isError)) {
    const pointers = { interpreter, runpath: null, rpath: null };
    findings.push(...(await gcFindings(subject, pointers, circumstances)));
  }
  return verdictOf(subject.shown, findings, "script", `a script, run by ${interpreter}`);
}

function verdictOf(
  path: string,
  findings: Finding[],
  good: Diagnosis["verdict"],
  summary: string,
): Diagnosis {
  const first = findings.find(isError);
  if (first === undefined) return { path, verdict: good, summary, findings };
  return { path, verdict: "broken", summary: first.message, findings };
}

function withoutElf(tree: Tree): Diagnosis {
  const summary = "there is no ELF file and no script below this directory";
  return { path: tree.shown, verdict: "not-elf", summary, findings: [] };
}
