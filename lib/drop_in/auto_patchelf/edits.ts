// What a planned file is to contain, expressed as patchelf changes, so that further changes requested with them mean
// what they mean to patchelf.
import type { PatchelfChanges } from "../../addon/requests.js";
import type { FilePlan } from "./plan.js";

/** A file's changes; null if it stays as it is. */
export function changesOf(plan: FilePlan, extra: PatchelfChanges): PatchelfChanges | null {
  const { interpreter, searchPath, searchPathTag, renamings } = plan;
  if (interpreter === null && searchPath === null) return null;
  const changes: PatchelfChanges = { ...extra };
  changes.forceRpath = searchPathTag === "rpath" || extra.forceRpath === true;
  changes.replaceNeeded = [...renamings, ...(extra.replaceNeeded ?? [])];
  if (interpreter !== null) changes.setInterpreter ??= interpreter;
  if (searchPath !== null) changes.setRpath ??= searchPath;
  return changes;
}
