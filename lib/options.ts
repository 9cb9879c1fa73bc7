// The options that every stage of the pipeline shares.

export interface CommonOptions {
  /** Another system's root: looked up below it, written without it. */
  root?: string;
  /** The store's directory, as seen from the root. Default `/nix/store`. */
  store?: string;
  /** The running system. Default `/run/current-system/sw`. */
  system?: string;
  /** LD_LIBRARY_PATH to assume. Default: none. */
  libraryPath?: string;
}

export interface PlanOptions extends CommonOptions {
  /** The loader to use, instead of the one that would be chosen. */
  interpreter?: string;
  /** Directories whose libraries win over the store's. */
  libraryDirectories?: string[];
  /** Globs of sonames that may stay missing. */
  ignoreMissing?: string[];
  /** Write to this file instead (one program only). */
  output?: string;
  /** Write only the changed bytes into the file itself. */
  inPlace?: boolean;
  /** Register what the fixed files point at with Nix. Default true. */
  gcRoot?: boolean;
}
