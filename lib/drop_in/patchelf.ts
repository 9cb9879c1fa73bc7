// patchelf as an API function, and its options; native/patchelf does the work, for the command as well.
import { untilAborted } from "../addon/cancellation.js";
import { fromNative, native } from "../addon/native.js";
import type { PatchelfChanges } from "../addon/requests.js";
import { checkOptions, checkPath, type Kinds } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import type { EditOutcome } from "../edit/edit.js";

/** Changes, and where they are written. */
export interface PatchelfOptions extends PatchelfChanges {
  /** Leave the file alone and write to this one, even if nothing changes. If it exists, it keeps its mode. */
  output?: string;
  /** Ends the call before anything is written: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/**
 * Changes one ELF file as `fixelf patchelf` does, with the names of patchelf's options. Like patchelf it keeps nothing
 * for `undo`, and updates the modification time; `edit` keeps both, and `inspect` returns what patchelf prints.
 * @throws FixelfError with the path: `usage` for options that are unknown, of the wrong type or contradictory;
 *   `not-found`, `permission-denied`, `not-elf`, `truncated` or `malformed` if the file cannot be read; `unsupported`
 *   if it lacks what is to be changed (a static program has no interpreter), or no safe place for the change is known;
 *   `changed` if something else wrote to it meanwhile; `cancelled`; or the system's own error
 */
export async function patchelf(path: string, options: PatchelfOptions = {}): Promise<EditOutcome> {
  checkPath("patchelf", path);
  checkOptions<PatchelfOptions>("patchelf", options, {
    ...kindsOfChanges,
    output: "path",
    signal: "AbortSignal",
  });
  checkValues("patchelf", options);
  const { output = "", signal, ...changes } = options;
  const outcome = await untilAborted(signal, () => native.patchelf(path, changes, output));
  return { path, ...outcome };
}

const kindsOfChanges: Kinds<PatchelfChanges> = {
  setInterpreter: "string",
  setOsAbi: "string",
  setSoname: "string",
  setRpath: "list of strings",
  addRpath: "list of strings",
  removeRpath: "boolean",
  shrinkRpath: "boolean",
  allowedRpathPrefixes: "list of strings",
  forceRpath: "boolean",
  addNeeded: "list of strings",
  removeNeeded: "list of strings",
  replaceNeeded: "list of renamings",
  noDefaultLib: "boolean",
  clearSymbolVersion: "list of strings",
  renameDynamicSymbols: "list of renamings",
  addDebugTag: "boolean",
  buildResolutionCache: "boolean",
  execstack: "boolean",
  pageSize: "number",
  clobberOldSections: "boolean",
};

/**
 * Checks what an API caller passes.
 * @throws FixelfError `usage`
 */
export function checkChanges(call: string, changes: PatchelfChanges): void {
  checkOptions<PatchelfChanges>(call, changes, kindsOfChanges);
  checkValues(call, changes);
}

function checkValues(call: string, changes: PatchelfChanges): void {
  const wrong = (what: string) => new FixelfError("usage", `${call}: ${what}`);
  for (const name of ["setRpath", "addRpath"] as const) {
    const split = changes[name]?.find((directory) => directory.includes(":"));
    if (split !== undefined)
      throw wrong(`${name} has "${split}", which the loader would split at the colon`);
  }
  try {
    native.checkPatchelf(changes);
  } catch (failure) {
    throw wrong(fromNative(failure).message);
  }
}
