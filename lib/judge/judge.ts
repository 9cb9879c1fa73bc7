// The judge: whether a file would be started, or loaded, and if not, why. This is the only place that
// says so. It considers what the file says and which files its loader would open; nothing is run.
import type { Facts } from "../addon/facts.js";
import { resolveWith } from "../addon/resolutions.js";
import { kernelRuns, sameMachine, thisMachine } from "../file/machine.js";
import { interpreterProblems } from "./interpreter.js";
import { isaProblems } from "./isa.js";
import { kernelProblems } from "./kernel.js";
import { libcProblems } from "./libc.js";
import { libraryProblems } from "./libraries.js";
import { type LoadedObject, loadedObjects } from "./loaded.js";
import { loadProblemsOf } from "./loading.js";
import { machineProblem } from "./machine.js";
import { mountProblems } from "./mount.js";
import { permissionProblems } from "./permission.js";
import type { Problem } from "./problem.js";
import { relrProblemsOf } from "./relr.js";
import { searchPathProblems } from "./search_path.js";
import type { Start } from "./start.js";
import type { Surroundings } from "./surroundings.js";
import { symbolProblems } from "./symbols.js";
import { versionProblems } from "./versions.js";

/** A file that is judged. */
export interface Judged {
  /** As the loader would call it. */
  path: string;
  /** As a person calls it. */
  shown: string;
  /** Where this machine opens it. */
  host: string;
  /** What it says, or what a plan would have it say. */
  facts: Facts;
}

/** Whether a machine's own kernel has anything to start it with; null where it does. */
export function foreignTo(facts: Facts, { host }: Surroundings): Problem | null {
  return host === null || kernelRuns(facts) ? null : machineProblem(facts);
}

/** What the kernel would say of a program that needs no loader. */
export async function problemsOfStatic(
  judged: Judged,
  surroundings: Surroundings,
): Promise<Problem[]> {
  const resolution = await resolveWith(surroundings.files, judged.path);
  return [
    ...(await hostProblems(judged, [judged], surroundings)),
    ...loadProblemsOf(judged.facts, resolution),
  ];
}

/** What the kernel would say of a script, its first line apart: judge/script.ts says that. */
export async function problemsOfScript(
  { path, shown, host: file }: Omit<Judged, "facts">,
  { host, files }: Surroundings,
): Promise<Problem[]> {
  const ofMount = host === null ? [] : mountProblems(path, [path], host, files);
  return [...ofMount, ...(await permissionProblems({ host: file, shown }, ofMount.length > 0))];
}

/** All that is wrong with a file, as it would be started. */
export async function problemsOf(
  judged: Judged,
  start: Start,
  surroundings: Surroundings,
): Promise<Problem[]> {
  const objects = loadedObjects(judged, judged.facts, start.resolution, surroundings.files);
  return [
    ...(await hostProblems(judged, objects, surroundings)),
    ...(await loadingProblems(judged, objects, start, surroundings)),
  ];
}

/** What the file itself, and the files that are loaded with it, could be changed for. */
export async function problemsOfLoading(
  judged: Pick<Judged, "path" | "shown" | "facts">,
  start: Start,
  surroundings: Omit<Surroundings, "host">,
): Promise<Problem[]> {
  const objects = loadedObjects(judged, judged.facts, start.resolution, surroundings.files);
  return loadingProblems(judged, objects, start, surroundings);
}

async function loadingProblems(
  own: Pick<Judged, "path" | "shown" | "facts">,
  objects: readonly LoadedObject[],
  start: Start,
  surroundings: Omit<Surroundings, "host">,
): Promise<Problem[]> {
  const { facts } = own;
  const { resolution } = start;
  const ofLibc = await libcProblems(resolution, objects, surroundings.files);
  return [
    ...interpreterProblems(facts, start, surroundings),
    ...libraryProblems(own, start, surroundings),
    ...ofLibc,
    ...versionProblems(resolution),
    ...relrProblemsOf(resolution),
    ...loadProblemsOf(facts, resolution),
    // Two C libraries miss one another's private functions; that is said.
    ...(ofLibc.length > 0 ? [] : symbolProblems(resolution)),
    ...searchPathProblems(own.shown, facts),
  ];
}

/** What this machine has to say of the files that come together in a process. */
async function hostProblems(
  { path, shown, host: file, facts }: Judged,
  objects: readonly LoadedObject[],
  { host, files }: Surroundings,
): Promise<Problem[]> {
  const isProgram = facts.type !== "shared-library";
  const ofMount =
    host === null
      ? []
      : mountProblems(
          path,
          objects.map((object) => object.path),
          host,
          files,
        );
  const ofMode = isProgram
    ? await permissionProblems({ host: file, shown }, ofMount.length > 0)
    : [];
  // qemu-user has a processor and a kernel of its own making.
  if (host === null || !sameMachine(facts, thisMachine())) return [...ofMount, ...ofMode];
  return [...ofMount, ...isaProblems(objects, host), ...kernelProblems(objects, host), ...ofMode];
}
