// The options that every stage of the pipeline shares.
import type { Kinds } from "./arguments.js";

/** What a user may want to know while a store's index is brought up to date. */
export type IndexEvent =
  | { kind: "scanning"; done: number; total: number }
  /** The index is being rebuilt, or cannot be used. */
  | { kind: "trouble"; message: string };

export type Tell = (event: IndexEvent) => void;

/** Where Nix has its store, unless it was built for another. */
export const defaultStore = "/nix/store";

/** Options of every call that reads a system. */
export interface CommonOptions {
  /** Another system's root: paths are looked up below it, and written without it. */
  root?: string;
  /** The store's directory, absolute, as seen from the root. Default `/nix/store`. */
  store?: string;
  /** The running system, absolute. Default `/run/current-system/sw`. */
  system?: string;
  /** The LD_LIBRARY_PATH to assume. Default: none. */
  libraryPath?: string;
  /** The program that loads the libraries (a module's Python or Node). Default: one beside them. */
  program?: string;
  /** Use the index in `$XDG_CACHE_HOME/fixelf`, and bring it up to date. Default true. */
  index?: boolean;
  /** Told about indexing progress, and if the index cannot be used. */
  onIndex?: (event: IndexEvent) => void;
  /** Ends the call: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/** Those of them that a `Store` takes in addition to its place. */
export function indexOptions({ index, onIndex, signal }: CommonOptions) {
  return { index, onIndex, signal };
}

export const commonKinds: Kinds<CommonOptions> = {
  root: "string",
  store: "absolute path",
  system: "absolute path",
  libraryPath: "string",
  program: "path",
  index: "boolean",
  onIndex: "function",
  signal: "AbortSignal",
};

/** Options that bear on the choice of a loader and libraries. */
export interface ChoiceOptions extends CommonOptions {
  /** The loader to use instead of the one that would be chosen; absolute, as seen from the root. */
  interpreter?: string;
  /** Directories whose libraries take precedence over the store's; absolute, as seen from the root. */
  libraryDirectories?: readonly string[];
  /** Globs for sonames that may stay missing. */
  ignoreMissing?: readonly string[];
}

export const choiceKinds: Kinds<ChoiceOptions> = {
  ...commonKinds,
  interpreter: "absolute path",
  libraryDirectories: "list of absolute paths",
  ignoreMissing: "list of strings",
};

/** How programs are fixed. */
export interface PlanOptions extends ChoiceOptions {
  /** Leave programs to nix-ld or fixelf-ld if it is at their loader's path and serves them. */
  keepStandIn?: boolean;
  /** Write to this file instead (one program only). */
  output?: string;
  /** Write only the changed bytes into the file itself. */
  inPlace?: boolean;
  /** Register what the fixed files refer to with Nix. Default true. */
  gcRoot?: boolean;
}

export const planKinds: Kinds<PlanOptions> = {
  ...choiceKinds,
  keepStandIn: "boolean",
  output: "path",
  inPlace: "boolean",
  gcRoot: "boolean",
};
