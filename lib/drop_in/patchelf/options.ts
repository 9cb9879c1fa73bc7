// What can be asked of patchelf for one file, by the names of its options.
import type { Renaming } from "../../addon/native.js";
import { checkOptions, type Kinds } from "../../base/arguments.js";
import { FixelfError } from "../../base/errors.js";

/** What patchelf's options change in a file; see `fixelf patchelf --help`. */
export interface PatchelfChanges {
  /** PT_INTERP. An empty one asks for nothing. */
  setInterpreter?: string;
  /** EI_OSABI by its name: `System V`, `Linux`, `FreeBSD`, … */
  setOsAbi?: string;
  /** DT_SONAME; what is no library (ET_DYN) is left without. */
  setSoname?: string;
  /** The directories of DT_RUNPATH. Of the four changes of a search path, shrinking comes before removing, and both before these. */
  setRpath?: readonly string[];
  /** Directories to put behind those that are there; not with `setRpath`. */
  addRpath?: readonly string[];
  /** Removes DT_RPATH and DT_RUNPATH. */
  removeRpath?: boolean;
  /** Keep only the directories that hold a needed library which none before them holds. */
  shrinkRpath?: boolean;
  /** With `shrinkRpath`: absolute directories that start with none of these go in any case. */
  allowedRpathPrefixes?: readonly string[];
  /** Write DT_RPATH instead of DT_RUNPATH; not with `buildResolutionCache`. */
  forceRpath?: boolean;
  /** Put before the other libraries in DT_NEEDED, sorted by their bytes. */
  addNeeded?: readonly string[];
  /** Goes from DT_NEEDED, with the symbol versions that are needed of it. */
  removeNeeded?: readonly string[];
  /** Other names in DT_NEEDED and in the needed versions. */
  replaceNeeded?: readonly Renaming[];
  /** DF_1_NODEFLIB: the loader's default directories are never searched. */
  noDefaultLib?: boolean;
  /** Symbols that need no version any more. */
  clearSymbolVersion?: readonly string[];
  /** Other names of dynamic symbols; the hash tables follow. */
  renameDynamicSymbols?: readonly Renaming[];
  /** DT_DEBUG, for debuggers. */
  addDebugTag?: boolean;
  /** Note where the needed libraries lie, for nixpkgs' glibc (`.note.nixos.ldcache`). */
  buildResolutionCache?: boolean;
  /** Whether the stack is executable: PF_X of PT_GNU_STACK. */
  execstack?: boolean;
  /** The least alignment of a segment that is appended, in bytes: a power of two up to 1 GiB. */
  pageSize?: number;
  /** Overwrite texts that have moved where they were. Default true. */
  clobberOldSections?: boolean;
}

/** Changes, and where they go. */
export interface PatchelfOptions extends PatchelfChanges {
  /** Leave the file alone and write to this one; also where nothing changes. It keeps its mode where it is there. */
  output?: string;
  /** Ends the call before anything is written: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
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
 * Checks what a caller of the API hands over.
 * @throws FixelfError `usage`
 */
export function checkChanges(call: string, changes: PatchelfChanges): void {
  checkOptions<PatchelfChanges>(call, changes, kindsOfChanges);
  checkValues(call, changes);
}

/** @throws FixelfError `usage` */
export function checkPatchelfOptions(call: string, options: PatchelfOptions): void {
  checkOptions<PatchelfOptions>(call, options, {
    ...kindsOfChanges,
    output: "path",
    signal: "AbortSignal",
  });
  checkValues(call, options);
}

function checkValues(call: string, changes: PatchelfChanges): void {
  const wrong = (what: string) => new FixelfError("usage", `${call}: ${what}`);
  const conflict = conflictIn(changes);
  if (conflict !== null) throw wrong(`${conflict.one} cannot be combined with ${conflict.other}`);
  for (const name of ["setRpath", "addRpath"] as const) {
    const split = changes[name]?.find((directory) => directory.includes(":"));
    if (split !== undefined)
      throw wrong(`${name} has "${split}", which the loader would split at the colon`);
  }
  if (changes.pageSize !== undefined && !isPageSize(changes.pageSize))
    throw wrong("pageSize must be a power of two up to 1 GiB");
}

/** Two that cannot be asked for together, and patchelf's own words for it. */
interface Conflict {
  one: keyof PatchelfChanges;
  other: keyof PatchelfChanges;
  words: string;
}

const conflicts: readonly Conflict[] = [
  {
    one: "buildResolutionCache",
    other: "forceRpath",
    words: "--build-resolution-cache cannot be combined with --force-rpath",
  },
  {
    one: "setRpath",
    other: "addRpath",
    words: "--set-rpath option not allowed with --add-rpath",
  },
];

export function conflictIn(changes: PatchelfChanges): Conflict | null {
  return (
    conflicts.find((each) => isAsked(changes[each.one]) && isAsked(changes[each.other])) ?? null
  );
}

/** A segment's alignment is a power of two (gABI, p_align). */
export function isPageSize(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes > 0 && bytes <= 2 ** 30 && (bytes & (bytes - 1)) === 0;
}

/** These only say how something is to be done. */
const manners: ReadonlySet<string> = new Set<keyof PatchelfOptions>([
  "allowedRpathPrefixes",
  "forceRpath",
  "pageSize",
  "clobberOldSections",
  "signal",
]);

/** Whether anything is to be written at all. */
export function asksForChange(options: PatchelfOptions): boolean {
  return Object.entries(options).some(
    ([name, value]) =>
      !manners.has(name) && (isAsked(value) || (name === "execstack" && value === false)),
  );
}

function isAsked(value: unknown): boolean {
  return value !== undefined && value !== false;
}
