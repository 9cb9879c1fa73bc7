// The whole of auto-patchelf: read what is there, choose libraries, plan, and write all files at
// once. Files whose libraries stay missing are written as far as they go, as the original does.
import { basename, isAbsolute } from "node:path";
import type { Facts } from "../../addon/facts.js";
import { native } from "../../addon/native.js";
import { currentSearchPath, withoutOrigin } from "../../file/search_path.js";
import type { Request } from "./arguments.js";
import { collectCandidates } from "./candidates.js";
import { Disk } from "./disk.js";
import { checkExtraArguments } from "./edits.js";
import type { Target } from "./environment.js";
import { fnmatch } from "./fnmatch.js";
import { type Failure, type Place, readPlace } from "./place.js";
import { type FilePlan, plan } from "./plan.js";
import { write } from "./write.js";

/** A library that was not found. */
export interface Missing {
  /** As it is needed; "any(…)" where one of several would do. */
  name: string;
  wantedBy: string;
  /** The pattern of --ignore-missing for which it may stay missing, or null. */
  pattern: string | null;
}

export interface Outcome {
  files: FilePlan[];
  /** Files in the places of libraries that hold debugging information only. */
  debugObjects: string[];
  /** Damaged or unreadable files of the places to patch. */
  unread: Failure[];
  /** Files that could not be changed. */
  failed: Failure[];
  missing: Missing[];
}

/**
 * Patches what the request names.
 * @throws FixelfError `usage` where the extra arguments are no options of patchelf for one file
 */
export async function autoPatchelf(request: Request, target: Target): Promise<Outcome> {
  checkExtraArguments(request.extraArgs);
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
  return {
    files,
    debugObjects,
    unread: [...places.values()].flatMap(({ failures }) => failures),
    failed: await write(files, request.extraArgs),
    missing: files.flatMap((file) => missingOf(file, request.ignoreMissing)),
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

function missingOf({ facts, wants }: FilePlan, ignoreMissing: readonly string[]): Missing[] {
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
