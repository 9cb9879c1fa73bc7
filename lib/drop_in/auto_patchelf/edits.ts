// What a planned file is to say, asked for as patchelf is asked, so that what is asked for beside it means what it
// means to patchelf.
import type { Edits } from "../../addon/native.js";
import { FixelfError } from "../../base/errors.js";
import { editsFor } from "../../edit/request.js";
import { editsOf as requestFor } from "../patchelf/edits.js";
import { conflictIn, type PatchelfChanges } from "../patchelf/options.js";
import type { FilePlan } from "./plan.js";

/**
 * The edits of a file that is not left alone; null where it stays as it is.
 * @throws FixelfError `usage` where what is asked for beside the plan is at odds with it
 */
export function editsOf(plan: FilePlan, extra: PatchelfChanges): Edits | null {
  const { facts, interpreter, searchPath, searchPathTag, renamings } = plan;
  if (interpreter === null && searchPath === null) return null;
  const changes: PatchelfChanges = { ...extra };
  changes.forceRpath = searchPathTag === "rpath" || extra.forceRpath === true;
  changes.replaceNeeded = [...renamings, ...(extra.replaceNeeded ?? [])];
  if (interpreter !== null) changes.setInterpreter ??= interpreter;
  if (searchPath !== null) changes.setRpath ??= searchPath;
  const conflict = conflictIn(changes);
  if (conflict !== null) throw new FixelfError("usage", conflict.words);
  const { edits } = requestFor(changes, facts);
  return edits && editsFor(edits, facts).edits;
}
