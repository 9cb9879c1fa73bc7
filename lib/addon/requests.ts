// What can be asked of one file: of the engine, and by `edit` and `patchelf`, which native/edit and native/patchelf
// make it of.

/** One name for another. */
export interface Renaming {
  /** The present name. */
  from: string;
  /** The new one. */
  to: string;
}

/**
 * Everything that can be asked of one file at once; see native/patch/edits.hpp. What the file says
 * already costs nothing.
 */
export interface Edits {
  /** PT_INTERP. */
  interpreter?: string;
  /**
   * The search path as colon-separated `value`, in the dynamic entry that `tag` names; an empty value removes
   * DT_RPATH and DT_RUNPATH.
   */
  searchPath?: { value: string; tag: "runpath" | "rpath" };
  /** Empty removes DT_SONAME. */
  soname?: string;
  /** With the symbol versions that are needed of them. Done before replacing and adding. */
  removeNeeded?: readonly string[];
  /** In DT_NEEDED and in the needed versions. Done before adding. */
  replaceNeeded?: readonly Renaming[];
  /** Before the present ones, in this order. */
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
  /** Clear the whole place that a string table moves away from, as patchelf does. */
  clearVacated?: boolean;
  /** Bytes, a power of two: the least alignment of a segment that is appended. */
  pageSize?: number;
}

/** What is to happen to the directories that the loader searches for a file's libraries. */
export type SearchPathChange = (
  | { /** Colon-separated. */ set: string; add?: never; remove?: never; shrink?: never }
  | {
      /** Colon-separated; goes behind what is there. */ add: string;
      set?: never;
      remove?: never;
      shrink?: never;
    }
  | { remove: true; set?: never; add?: never; shrink?: never }
  | { shrink: ShrinkOptions; set?: never; add?: never; remove?: never }
) & {
  /**
   * The dynamic entry that holds it from then on (default `runpath`; an `rpath` that is there is
   * converted). DT_RPATH is searched for the libraries of libraries as well.
   */
  tag?: "runpath" | "rpath";
};

/**
 * Shrinking keeps the directories that hold a needed library which none before them holds. Each that goes is
 * among the outcome's `reasons`.
 */
export interface ShrinkOptions {
  /** Absolute directories that start with none of these go in any case. */
  allowedPrefixes?: readonly string[];
}

/**
 * Everything that can be asked of one file at once. What the file says already costs nothing; needed
 * libraries are removed first, then replaced, then added.
 */
export interface EditRequest extends Omit<Edits, "searchPath" | "resolutionCache"> {
  /** DT_RUNPATH or DT_RPATH; a value that is empty removes both. */
  searchPath?: SearchPathChange;
  /**
   * Write where the libraries that the file needs then lie into the note `.note.nixos.ldcache`, from
   * which nixpkgs' glibc takes them.
   */
  resolutionCache?: boolean;
}

/** Why a resolution cache that was asked for is not written. */
export type NoCache = "no-dynamic-table" | "nothing-to-resolve" | "nothing-found";

/** What patchelf's options change in a file; see `fixelf patchelf --help`. */
export interface PatchelfChanges {
  /** PT_INTERP. An empty one asks for nothing. */
  setInterpreter?: string;
  /** EI_OSABI by its name: `System V`, `Linux`, `FreeBSD`, … */
  setOsAbi?: string;
  /** DT_SONAME; what is no library (ET_DYN) is left without. */
  setSoname?: string;
  /** The directories of DT_RUNPATH. Shrinking comes before removing, and both before the other changes of a search path. */
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
