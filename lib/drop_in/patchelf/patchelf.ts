// patchelf as a function of the API.
import { untilAborted } from "../../addon/cancellation.js";
import { checkPath } from "../../base/arguments.js";
import { FixelfError } from "../../base/errors.js";
import type { EditOutcome } from "../../edit/edit.js";
import { change } from "./change.js";
import { checkPatchelfOptions, type PatchelfOptions } from "./options.js";
import { readFile } from "./read.js";

/**
 * Changes one ELF file as `fixelf patchelf` does, by the names of patchelf's options. Like patchelf it keeps nothing
 * for `undo`, and sets the time of the last change; `edit` keeps both, and `inspect` answers what patchelf prints.
 * @throws FixelfError with the path: `usage` for options that are unknown, of another type or at odds with each other;
 *   `not-found`, `permission-denied`, `not-elf`, `truncated` or `malformed` where the file cannot be read;
 *   `unsupported` where it has not got what is to be changed (a static program has no interpreter), or no safe place
 *   for it is known; `changed` where somebody else wrote meanwhile; `cancelled`; or what the system said
 */
export async function patchelf(path: string, options: PatchelfOptions = {}): Promise<EditOutcome> {
  checkPath("patchelf", path);
  checkPatchelfOptions("patchelf", options);
  return untilAborted(options.signal, async () => {
    try {
      return await change(path, await readFile(path), options);
    } catch (failure) {
      throw withPath(failure, path);
    }
  });
}

function withPath(failure: unknown, path: string): unknown {
  if (!FixelfError.is(failure) || failure.path !== undefined) return failure;
  return new FixelfError(failure.code, failure.message, { path, cause: failure });
}
