// Plan and Outcome: which bytes change, and the result.

import type { Layout } from "../addon/native.js";
import type { FixelfErrorCode } from "../base/errors.js";
import type { FileKind } from "../file/kind.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";

/** One thing that a plan changes in a file. */
export interface Edit {
  /** Which part of the file. */
  what: "interpreter" | "runpath" | "rpath" | "shebang";
  /** The present value; null if there is none. */
  from: string | null;
  /** The new value. */
  to: string;
}

/** What is to be done with one file. */
export interface FilePlan {
  /** As the caller named it. */
  path: string;
  /** What the file is, for reports. */
  kind: FileKind;
  /** Where this machine opens it. */
  host: string;
  /** Where the result goes: `host`, or another file. */
  output: string;
  /** Whether a loader ever opens it: otherwise there is nothing to verify. */
  dynamic: boolean;
  /** Whether it is a script, whose first line names what runs it. */
  script: boolean;
  /** The loader that it will run with, or for libraries the assumed one; null if none is known. */
  loader: string | null;
  /** The program that opens it, if it is a library and comes from elsewhere: it may need what that has loaded. */
  opener: string | null;
  /**
   * The loader that may be run to check the result: one from the store, or the one that the user named. Anything else
   * that the file names as its loader is never run.
   */
  trustedLoader: string | null;
  /**
   * Whether it is for another system, or for a machine or libc that nothing in its tree needs: then it is left
   * unchanged.
   */
  passedOver: boolean;
  /** Empty: nothing to change. */
  edits: Edit[];
  /** Why each choice was made, one sentence each. */
  reasons: string[];
  /** Store paths that the file will refer to. */
  storePaths: string[];
  /** The libraries whose absence prevents the fix. */
  missing: MissingLibrary[];
  /** Why nothing can be done, as `code` and `message`, and whether reading it `failed`; or null. */
  refusal: { code: FixelfErrorCode; message: string; failed: boolean } | null;
  /** The bytes to write; null if nothing changes. */
  layout: Layout | null;
}

/** What is to be done with all files in a call; made by `plan`, for `apply`. */
export interface FixPlan {
  /** One for each file, in the order in which they were found. */
  files: FilePlan[];
  /** What killed processes may have left beside them, to be removed. */
  leftovers: string[];
  /** Only the changed bytes are written, into the files themselves. */
  inPlace: boolean;
  /** What the fixed files refer to is registered with Nix. */
  gcRoot: boolean;
  /** Globs for sonames that may stay missing. */
  ignoreMissing: readonly string[];
  /** The root from which paths are seen; "" for this machine. */
  root: string;
  /** The store's directory, as seen from the root. */
  store: string;
  /** The running system, as seen from the root. */
  system: string;
}

/** What became of one file. */
export interface Outcome {
  /** As the caller named it. */
  path: string;
  /** What the file is, for reports. */
  kind: FileKind;
  /** `refused`: not touched because that could not be done safely. `failed`: reading or writing it failed. */
  outcome: "fixed" | "unchanged" | "refused" | "failed";
  /** Both our own reading of the new bytes and the chosen loader confirm it. */
  verified: boolean;
  /** What was changed. */
  edits: Edit[];
  /** Why each choice was made and each location used, one sentence each. */
  reasons: string[];
  /**
   * What still keeps it from starting, one sentence each: a missing library that was to be left missing, a mode without
   * execute permission, a kernel that is too old.
   */
  remaining: string[];
  /** The libraries whose absence led to the refusal, with the nixpkgs packages that have them. */
  missing: MissingLibrary[];
  /** With `refused` and `failed`: the `code` and `message`; otherwise null. */
  error: { code: FixelfErrorCode; message: string } | null;
}
