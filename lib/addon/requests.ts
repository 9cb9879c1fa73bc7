// What can be requested for one file: from the engine, and through `edit` and `patchelf`, which native/edit and
// native/patchelf translate into that.

/** One name for another. */
export interface Renaming {
  /** The present name. */
  from: string;
  /** The new one. */
  to: string;
}

/**
 * Everything that can be requested for one file at once; see native/patch/edits.hpp. Requesting what is already in the
 * file costs nothing.
 */
export interface Edits {
  /** PT_INTERP. */
  interpreter?: string;
  /**
   * The search path as colon-separated `value`, in the dynamic entry that `tag` names; an empty value removes DT_RPATH
   * and DT_RUNPATH.
   */
  searchPath?: { value: string; tag: "runpath" | "rpath" };
  /** Empty removes DT_SONAME. */
  soname?: string;
  /** Along with the symbol versions needed from them. Done before replacing and adding. */
  removeNeeded?: readonly string[];
  /** In DT_NEEDED and in the needed versions. Done before adding. */
  replaceNeeded?: readonly Renaming[];
  /** Before the existing ones, in this order. */
  addNeeded?: readonly string[];
  /** Sets DF_1_NODEFLIB. */
  noDefaultLibraries?: boolean;
  /** Adds DT_DEBUG. */
  debugEntry?: boolean;
  /** EI_OSABI, 0 to 255. */
  osAbi?: number;
  /** Whether the stack is executable: PF_X of PT_GNU_STACK. */
  executableStack?: boolean;
  /** Dynamic symbols that lose their version. */
  clearSymbolVersions?: readonly string[];
  /** Dynamic symbols that get another name; the hash tables follow. */
  renameSymbols?: readonly Renaming[];
  /** The descriptor of the note `.note.nixos.ldcache`. */
  resolutionCache?: Uint8Array;
  /** Clear the entire place from which a string table moves away, as patchelf does. */
  clearVacated?: boolean;
  /** Bytes, a power of two: the minimum alignment of an appended segment. */
  pageSize?: number;
}

/** What to do with the directories that the loader searches for a file's libraries. */
export type SearchPathChange = (
  | { /** Colon-separated. */ set: string; add?: never; remove?: never; shrink?: never }
  | {
      /** Colon-separated; appended to the existing entries. */ add: string;
      set?: never;
      remove?: never;
      shrink?: never;
    }
  | { remove: true; set?: never; add?: never; shrink?: never }
  | { shrink: ShrinkOptions; set?: never; add?: never; remove?: never }
) & {
  /**
   * The dynamic entry that holds it from then on (default `runpath`; an existing `rpath` is converted). DT_RPATH is
   * also searched for the libraries' own libraries.
   */
  tag?: "runpath" | "rpath";
};

/**
 * Shrinking keeps the directories that hold a needed library which none before them holds. Each one removed is among
 * the outcome's `reasons`.
 */
export interface ShrinkOptions {
  /** Absolute directories that start with none of these are removed in any case. */
  allowedPrefixes?: readonly string[];
}

/**
 * Everything that can be requested for one file at once. Requesting what is already in the file costs nothing; needed
 * libraries are removed first, then replaced, then added.
 */
export interface EditRequest extends Omit<Edits, "searchPath" | "resolutionCache"> {
  /** DT_RUNPATH or DT_RPATH; an empty value removes both. */
  searchPath?: SearchPathChange;
  /**
   * Write the locations that the file's needed libraries then have into the note `.note.nixos.ldcache`, where nixpkgs'
   * glibc finds them.
   */
  resolutionCache?: boolean;
}

/** Why a requested resolution cache is not written. */
export type NoCache = "no-dynamic-table" | "nothing-to-resolve" | "nothing-found";

/** What patchelf's options change in a file; see `fixelf patchelf --help`. */
export interface PatchelfChanges {
  /** PT_INTERP. An empty one requests nothing. */
  setInterpreter?: string;
  /** EI_OSABI by name: `System V`, `Linux`, `FreeBSD`, … */
  setOsAbi?: string;
  /** DT_SONAME; a file that is not a library (ET_DYN) is left without one. */
  setSoname?: string;
  /**
   * The directories of DT_RUNPATH. Shrinking comes before removing, and both come before other changes to a search
   * path.
   */
  setRpath?: readonly string[];
  /** Directories to append to the existing ones; not with `setRpath`. */
  addRpath?: readonly string[];
  /** Removes DT_RPATH and DT_RUNPATH. */
  removeRpath?: boolean;
  /** Keep only the directories that hold a needed library which none before them holds. */
  shrinkRpath?: boolean;
  /** With `shrinkRpath`: absolute directories that start with none of these are removed in any case. */
  allowedRpathPrefixes?: readonly string[];
  /** Write DT_RPATH instead of DT_RUNPATH; not with `buildResolutionCache`. */
  forceRpath?: boolean;
  /** Put before the other libraries in DT_NEEDED, sorted bytewise. */
  addNeeded?: readonly string[];
  /** Removed from DT_NEEDED, along with the symbol versions needed from it. */
  removeNeeded?: readonly string[];
  /** New names in DT_NEEDED and in the needed versions. */
  replaceNeeded?: readonly Renaming[];
  /** DF_1_NODEFLIB: the loader's default directories are never searched. */
  noDefaultLib?: boolean;
  /** Symbols that no longer need a version. */
  clearSymbolVersion?: readonly string[];
  /** New names for dynamic symbols; the hash tables follow. */
  renameDynamicSymbols?: readonly Renaming[];
  /** DT_DEBUG, for debuggers. */
  addDebugTag?: boolean;
  /** Record where the needed libraries are, for nixpkgs' glibc (`.note.nixos.ldcache`). */
  buildResolutionCache?: boolean;
  /** Whether the stack is executable: PF_X of PT_GNU_STACK. */
  execstack?: boolean;
  /** The minimum alignment of an appended segment, in bytes: a power of two up to 1 GiB. */
  pageSize?: number;
  /** Overwrite strings that have moved at their old location. Default true. */
  clobberOldSections?: boolean;
}
