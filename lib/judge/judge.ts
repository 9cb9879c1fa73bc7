// The judge: whether a file would be started, or loaded, and if not, why. Nothing else decides this. It considers what
// the file contains and which files its loader would open; nothing is run.
import type { Facts, Resolution } from "../addon/facts.js";
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
  /** As the user calls it. */
  shown: string;
  /** Where this machine opens it. */
  host: string;
  /** Its facts as they are, or as a plan would make them. */
  facts: Facts;
}

/** The problem if this machine's kernel has no way to start it; null if it has. */
export function foreignTo(facts: Facts, { host }: Surroundings): Problem | null {
  return host === null || kernelRuns(facts) ? null : machineProblem(facts);
}

/** What the kernel would object to in a program that needs no loader. */
export async function problemsOfStatic(
  judged: Judged,
  surroundings: Surroundings,
): Promise<Problem[]> {
  const resolution = await resolveWith(surroundings.files, judged.path);
  return [
    ...(await hostProblems(judged, [judged], resolution, surroundings)),
    ...loadProblemsOf(judged.facts, resolution),
  ];
}

/** What the kernel would object to in a script, apart from its first line, which is judge/script.ts's business. */
export async function problemsOfScript(
  { path, shown, host: file }: Omit<Judged, "facts">,
  { host, files }: Surroundings,
): Promise<Problem[]> {
  const ofMount = host === null ? [] : mountProblems(path, [path], host, files);
  return [...ofMount, ...(await permissionProblems({ host: file, shown }, ofMount.length > 0))];
}

/** All that is wrong with a file as it would be started. */
export async function problemsOf(
  judged: Judged,
  start: Start,
  surroundings: Surroundings,
): Promise<Problem[]> {
  const objects = loadedObjects(judged, judged.facts, start.resolution, surroundings.files);
  return [
    ...(await hostProblems(judged, objects, start.resolution, surroundings)),
    ...(await loadingProblems(judged, objects, start, surroundings)),
  ];
}

/** Problems that a change to the file itself, or to the files loaded with it, could solve. */
export async function problemsOfLoading(
  judged: Pick<Judged, "path" | "shown" | "facts">,
  start: Start,
  surroundings: Omit<Surroundings, "host">,
): Promise<Problem[]> {
  const objects = loadedObjects(judged, judged.facts, start.resolution, surroundings.files);
  return loadingProblems(judged, objects, start, { ...surroundings, host: null });
}

async function loadingProblems(
  own: Pick<Judged, "path" | "shown" | "facts">,
  objects: readonly LoadedObject[],
  start: Start,
  surroundings: Surroundings,
): Promise<Problem[]> {
  const { facts } = own;
  const { resolution } = start;
  const ofLibc = await libcProblems(resolution, objects, surroundings.files);
  return [
    ...interpreterProblems(own, start, surroundings),
    ...libraryProblems(own, start, surroundings),
    ...ofLibc,
    ...versionProblems(resolution),
    ...relrProblemsOf(resolution),
    ...loadProblemsOf(facts, resolution),
    // Two C libraries lack each other's private functions, and that has been reported already.
    ...(ofLibc.length > 0 ? [] : symbolProblems(resolution)),
    ...searchPathProblems(own.shown, facts),
  ];
}

/** This machine's objections to the files that come together in a process. */
async function hostProblems(
  { path, shown, host: file, facts }: Judged,
  objects: readonly LoadedObject[],
  { libc }: Resolution,
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
  // qemu-user provides a processor and a kernel of its own.
  if (host === null || !sameMachine(facts, thisMachine())) return [...ofMount, ...ofMode];
  return [
    ...ofMount,
    ...isaProblems(objects, host, libc),
    ...kernelProblems(objects, host, libc),
    ...ofMode,
  ];
}
