// The whole of auto-patchelf: read what is there, choose libraries, plan, and write all files at
// once. Files whose libraries stay missing are written as far as they go, as the original does.
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
  ignored: boolean;
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
  const { candidates, debugObjects } = await collectCandidates(
    request.addExisting ? places : new Map(),
    request.libs,
  );
  const disk = new Disk();
  // Paths may overlap; a file is patched once.
  const found = [...places.values()].flatMap(({ files }) => files);
  const members = [...new Map(found.map((facts) => [facts.path, facts])).values()];
  const files = plan(members, { request, target, candidates, disk });
  return {
    files,
    debugObjects,
    unread: [...places.values()].flatMap(({ failures }) => failures),
    failed: await write(files, request.extraArgs),
    missing: files.flatMap((file) => missingOf(file, request.ignoreMissing)),
  };
}

function missingOf({ facts, wants }: FilePlan, ignoreMissing: readonly string[]): Missing[] {
  const patterns = ignoreMissing.map(fnmatch);
  return wants
    .filter(({ provision }) => provision === null)
    .map(({ alternatives }) => ({
      name: alternatives.length === 1 ? `${alternatives[0]}` : `any(${alternatives.join(", ")})`,
      wantedBy: facts.path,
      ignored: alternatives.some((name) => {
        const file = name.slice(name.lastIndexOf("/") + 1);
        return patterns.some((matches) => matches(file));
      }),
    }));
}
