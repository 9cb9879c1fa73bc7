// All of auto-patchelf: read what is there, choose libraries, plan, and write all files at once. Files for which
// libraries stay missing are patched as far as possible, as in the original.
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

/** What became of one file; `failed` tells whether it could be written. */
export interface AutoPatchelfFile {
  /** As found. */
  path: string;
  /** Why it was left alone, as "because …"; null if it was not. */
  skipped: string | null;
  /** The loader that it gets; null for a library. */
  interpreter: string | null;
  /** What it needs, in its own order. */
  dependencies: AutoPatchelfDependency[];
  /** The search path that it gets; null if it keeps its own. */
  searchPath: string[] | null;
  /** The dynamic entry that holds the search path. */
  searchPathTag: "runpath" | "rpath";
  /** What will not work, as a sentence without the file's path. */
  warnings: string[];
}

/** Something that a file needs, and where it comes from. */
export interface AutoPatchelfDependency {
  /** Names of which one is enough; a DT_NEEDED entry has one. */
  alternatives: readonly string[];
  /** Null if none was found. */
  found: {
    /** The alternative that was chosen. */
    name: string;
    /** Its directory; null if the loader finds it without an entry. */
    location: string | null;
    /** The name by which it is needed from now on, if that differs. */
    rename: string | null;
  } | null;
}

/** A library that was not found. */
export interface MissingDependency {
  /** The needed name; "any(…)" if one of several would do. */
  name: string;
  /** The file that needs it. */
  wantedBy: string;
  /** The `ignoreMissing` glob that allows it to stay missing, or null. */
  pattern: string | null;
}

/** What became of the files. */
export interface AutoPatchelfOutcome {
  /** The files that were examined, sorted by path. */
  files: AutoPatchelfFile[];
  /** Files where libraries are expected that contain only debugging information. */
  debugObjects: string[];
  /** Damaged or unreadable files among those to patch. */
  unread: FileFailure[];
  /** Files that could not be changed. */
  failed: FileFailure[];
  /** Libraries that were not found. */
  missing: MissingDependency[];
}

/**
 * Patches the files of a Nix build as nixpkgs' auto-patchelf and `fixelf auto-patchelf` do: programs get the loader of
 * the binutils wrapper, and all files get a search path to the libraries that they need. A library that is not found is
 * not an error: it is listed in `missing`, and the rest is patched. Nothing is kept for `undo`. If the signal aborts
 * after some files have been written, the others are in `failed`.
 * @param paths files to patch, and directories whose files are patched; one that does not exist is skipped
 * @throws FixelfError `usage` for options that are unknown, of the wrong type or contradictory; `not-found` if no
 *   binutils wrapper is named, or it lacks the expected information; any error from reading its loader (`not-elf`, …);
 *   `cancelled`, with the signal's reason as its cause, if nothing has been written
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

/** The same for a target that has already been read. */
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

/** The directories in which a program's libraries are found, whichever file needs them: those in DT_RPATH. */
function passedOn(facts: Facts): string[] {
  const { tag, entries } = currentSearchPath(facts);
  if (facts.interpreter === null || tag !== "rpath") return [];
  return entries.map((entry) => withoutOrigin(entry, facts.path)).filter(isAbsolute);
}

/**
 * Libraries that open others themselves. glibc searches the path of the library that calls dlopen, and no program's
 * RUNPATH; musl consults no library's.
 */
async function openersOf(members: readonly Facts[], { musl }: Target): Promise<Set<string>> {
  const libraries = musl ? [] : members.filter(({ type }) => type === "shared-library");
  const opening = await Promise.all(
    // If it can no longer be read, that is reported when it is to be patched.
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
