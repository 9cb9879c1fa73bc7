// libc-mixed: parts of two C libraries in one process. The loader and all parts of glibc call each other's private
// functions, so the process ends with "symbol lookup error … GLIBC_PRIVATE", or crashes.
import { basename, dirname } from "node:path";
import type { Facts, Resolution } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { remembered } from "../addon/remembered.js";
import { isMuslName, isPartOfGlibc } from "../file/libc.js";
import { bannerVersion } from "../file/libc_banner.js";
import { factsOf, type LoadedObject, realPathOf } from "./loaded.js";
import type { Problem } from "./problem.js";

export async function libcProblems(
  resolution: Resolution,
  objects: readonly LoadedObject[],
  files: NativeFiles,
): Promise<Problem[]> {
  if (resolution.libc === "musl") return forMusl(objects);
  const musl = resolution.libraries.find(({ soname }) => isMuslName(soname));
  if (musl !== undefined && resolution.libc === "glibc") {
    return [
      mixed(
        `${musl.neededBy} was built for musl, but the program for glibc`,
        [
          `${musl.neededBy} needs ${musl.soname}, which is musl's`,
          `${resolution.interpreter.path} is glibc's loader`,
        ],
        { remedy: `Get a build of ${basename(musl.neededBy)} for glibc` },
      ),
    ];
  }
  return differentGlibcs(resolution, files);
}

/** musl accepts itself in place of any libc, and checks no versions: the symbols turn out to be missing. */
function forMusl(objects: readonly LoadedObject[]): Problem[] {
  const [program, ...libraries] = objects;
  const foreign = libraries.find(({ facts }) => needsGlibc(facts));
  if (program === undefined || foreign === undefined) return [];
  return [
    mixed(
      `${foreign.path} was built for glibc, but the program for musl`,
      [
        `${foreign.path} needs versions of glibc: ${glibcVersions(foreign.facts).slice(0, 6).join(", ")}`,
        "the program's loader is musl's, which acts as libc.so.6 and does not check symbol versions",
      ],
      { remedy: `Get a build of ${basename(foreign.path)} for musl, or of the program for glibc` },
    ),
  ];
}

function needsGlibc(facts: Facts): boolean {
  return glibcVersions(facts).length > 0;
}

function glibcVersions(facts: Facts): string[] {
  return facts.versionsNeeded
    .flatMap(({ versions }) => versions.map(({ name }) => name))
    .filter((name) => name.startsWith("GLIBC_"));
}

/** The loader's glibc decides; each part has to come from the same release. */
async function differentGlibcs(resolution: Resolution, files: NativeFiles): Promise<Problem[]> {
  const { interpreter, libraries } = resolution;
  const parts = libraries.flatMap(({ soname, path, reason, neededBy }) =>
    path !== null && isPartOfGlibc(soname) ? [{ soname, path, reason, neededBy }] : [],
  );
  if (interpreter.path !== null && interpreter.found)
    parts.unshift({
      soname: basename(interpreter.path),
      path: interpreter.path,
      reason: interpreter.reason,
      neededBy: resolution.path,
    });
  const byDirectory = new Map<string, (typeof parts)[number]>();
  for (const part of parts) {
    const real = realPathOf(part.path, files);
    if (!byDirectory.has(dirname(real))) byDirectory.set(dirname(real), part);
  }
  if (byDirectory.size < 2) return [];
  const releases: ((typeof parts)[number] & { release: string })[] = [];
  for (const [directory, part] of byDirectory) {
    const release = await releaseIn(directory, files);
    if (release !== null) releases.push({ ...part, release });
  }
  const [first, ...others] = releases;
  const other = others.find(({ release }) => release !== first?.release);
  if (first === undefined || other === undefined) return [];
  return [
    mixed(
      `parts of two glibc releases would be loaded together: ${first.release} and ${other.release}`,
      [first, other].map(({ path, release, reason }) => `${path}: glibc ${release} (${reason})`),
      {
        need: { kind: "libc", part: other.soname, path: other.path, neededBy: other.neededBy },
      },
    ),
  ];
}

const known = remembered<Promise<string | null>>();

/**
 * The release of the glibc whose parts are in a directory. Its libc is read once: all programs in a tree are judged at
 * once, and a process may open only about a thousand files.
 */
function releaseIn(directory: string, files: NativeFiles): Promise<string | null> {
  return known(files, directory, () => readRelease(directory, files));
}

async function readRelease(directory: string, files: NativeFiles): Promise<string | null> {
  for (const name of ["libc.so.6", "libc.so.6.1"]) {
    const path = `${directory}/${name}`;
    if (factsOf(path, files) !== null) return bannerVersion(files.hostPath(path), "glibc");
  }
  return null;
}

function mixed(
  message: string,
  evidence: string[],
  { remedy = null, need = null }: Partial<Pick<Problem, "remedy" | "need">>,
): Problem {
  return { code: "libc-mixed", severity: "error", message, evidence, remedy, need };
}
