// The whole of auto-patchelf: read what is there, choose libraries, plan, and write all files at
// once. Files whose libraries stay missing are written as far as they go, as the original does.
import { basename, isAbsolute } from "node:path";
import { cancelledBy, underSignal, untilAborted } from "../../addon/cancellation.js";
import type { Facts } from "../../addon/facts.js";
import { native } from "../../addon/native.js";
import { checkPaths } from "../../base/arguments.js";
import { variable } from "../../base/process.js";
import { currentSearchPath, withoutOrigin } from "../../file/search_path.js";
import { collectCandidates } from "./candidates.js";
import { Disk } from "./disk.js";
import { readTarget, type Target } from "./environment.js";
import { fnmatch } from "./fnmatch.js";
import {
  type Asked,
  type AutoPatchelfOptions,
  asked,
  checkAutoPatchelfOptions,
} from "./options.js";
import { type FileFailure, type Place, readPlace } from "./place.js";
import { type FilePlan, plan } from "./plan.js";
import { write } from "./write.js";

/** What became of one file; whether it could be written, `failed` says. */
export interface AutoPatchelfFile {
  /** As it was found. */
  path: string;
  /** Why it was left alone, as "because …"; null where it was not. */
  skipped: string | null;
  /** The loader that it gets; null for a library. */
  interpreter: string | null;
  /** What it needs, in its own order. */
  dependencies: AutoPatchelfDependency[];
  /** The search path that it gets; null where it keeps its own. */
  searchPath: string[] | null;
  /** The dynamic entry that holds the search path. */
  searchPathTag: "runpath" | "rpath";
  /** What will not work, as a sentence without the file's path. */
  warnings: string[];
}

/** Something that a file needs, and where it comes from. */
export interface AutoPatchelfDependency {
  /** Names of which one is enough; DT_NEEDED has one. */
  alternatives: readonly string[];
  /** Null where none was found. */
  found: {
    /** The name that was taken of the alternatives. */
    name: string;
    /** Its directory; null where the loader finds it without. */
    location: string | null;
    /** The name by which it is needed from now on, where that is another one. */
    rename: string | null;
  } | null;
}

/** A library that was not found. */
export interface MissingDependency {
  /** As it is needed; "any(…)" where one of several would do. */
  name: string;
  /** The file that needs it. */
  wantedBy: string;
  /** The glob of `ignoreMissing` for which it may stay missing, or null. */
  pattern: string | null;
}

/** What became of the files. */
export interface AutoPatchelfOutcome {
  /** The files that were looked at, sorted by path. */
  files: AutoPatchelfFile[];
  /** Files in the places of libraries that hold debugging information only. */
  debugObjects: string[];
  /** Damaged or unreadable files of the places to patch. */
  unread: FileFailure[];
  /** Files that could not be changed. */
  failed: FileFailure[];
  /** Libraries that were not found. */
  missing: MissingDependency[];
}

/**
 * Patches the files of a Nix build as nixpkgs' auto-patchelf does, and as `fixelf auto-patchelf` does: programs get the
 * loader of the binutils wrapper, and all files a search path to the libraries that they need. A library that is not
 * found is no error: it is in `missing`, and the rest is patched. Nothing is kept for `undo`. Where the signal aborts
 * when some files have been written, the others are in `failed`.
 * @param paths files, and directories whose files are patched; one that is not there is passed over
 * @throws FixelfError `usage` for options that are unknown, of another type or at odds with each other; `not-found`
 *   where no binutils wrapper is named, or it does not say what it should; what reading its loader says (`not-elf`, …);
 *   `cancelled`, with the signal's reason as its cause, where nothing has been written
 */
export async function autoPatchelf(
  paths: readonly string[],
  options: AutoPatchelfOptions = {},
): Promise<AutoPatchelfOutcome> {
  checkPaths("autoPatchelf", paths);
  checkAutoPatchelfOptions("autoPatchelf", options);
  const { bintools = variable("NIX_BINTOOLS"), signal } = options;
  const target = await underSignal(signal, () => readTarget(bintools));
  return patchFor(asked(paths, options), target, signal);
}

/** The same for a target that has been read. */
export async function patchFor(
  request: Asked,
  target: Target,
  signal?: AbortSignal,
): Promise<AutoPatchelfOutcome> {
  const { files, debugObjects, unread } = await underSignal(signal, () => planned(request, target));
  const { some, failures } = await untilAborted(signal, () => write(files, request.extra));
  if (signal?.aborted && !some && failures.some(({ error }) => error.code === "cancelled"))
    throw cancelledBy(signal);
  return {
    files: files.map(told),
    debugObjects,
    unread,
    failed: failures,
    missing: files.flatMap((file) => missingOf(file, request.ignoreMissing)),
  };
}

async function planned(request: Asked, target: Target) {
  const places = new Map<string, Place>();
  for (const path of request.paths) places.set(path, await readPlace(path, request.recursive));
  // Paths may overlap; a file is patched once.
  const found = [...places.values()].flatMap(({ files }) => files);
  const members = [...new Map(found.map((facts) => [facts.path, facts])).values()];
  const { candidates, debugObjects } = await collectCandidates(
    request.addExisting ? places : new Map(),
    request.addExisting ? members.flatMap(passedOn) : [],
    request.libs,
  );
  const files = plan(members, {
    request,
    target,
    candidates,
    disk: new Disk(),
    openers: request.runtimeDependencies.length > 0 ? await openersOf(members, target) : new Set(),
  });
  const unread = [...places.values()].flatMap(({ failures }) =>
    failures.map(({ path, error: { code, message } }) => ({ path, error: { code, message } })),
  );
  return { files, debugObjects, unread };
}

function told({ facts, wants, ...plan }: FilePlan): AutoPatchelfFile {
  const { skipped, interpreter, searchPath, searchPathTag, warnings } = plan;
  const dependencies = wants.map(({ alternatives, provision }) => {
    if (provision === null) return { alternatives, found: null };
    const { name, location, rename } = provision;
    return { alternatives, found: { name, location, rename } };
  });
  return {
    ...{ path: facts.path, skipped, interpreter, dependencies },
    ...{ searchPath, searchPathTag, warnings },
  };
}

/** The directories in which the libraries of a program are found, whoever needs them: DT_RPATH's. */
function passedOn(facts: Facts): string[] {
  const { tag, entries } = currentSearchPath(facts);
  if (facts.interpreter === null || tag !== "rpath") return [];
  return entries.map((entry) => withoutOrigin(entry, facts.path)).filter(isAbsolute);
}

/**
 * Libraries that open others themselves. glibc searches the path of the library that calls dlopen, and
 * no program's RUNPATH; musl asks no library.
 */
async function openersOf(members: readonly Facts[], { musl }: Target): Promise<Set<string>> {
  const libraries = musl ? [] : members.filter(({ type }) => type === "shared-library");
  const opening = await Promise.all(
    // One that cannot be read any more is told of when it is to be patched.
    libraries.map(({ path }) => native.opensLibraries(path).catch(() => false)),
  );
  return new Set(
    libraries
      .filter(({ notes }, index) => opening[index] || notes.dlopen.length > 0)
      .map(({ path }) => path),
  );
}

function missingOf(
  { facts, wants }: FilePlan,
  ignoreMissing: readonly string[],
): MissingDependency[] {
  return wants
    .filter(({ provision }) => provision === null)
    .map(({ alternatives }) => ({
      name: alternatives.length === 1 ? `${alternatives[0]}` : `any(${alternatives.join(", ")})`,
      wantedBy: facts.path,
      pattern:
        ignoreMissing.find((pattern) =>
          alternatives.some((name) => fnmatch(pattern)(basename(name))),
        ) ?? null,
    }));
}
