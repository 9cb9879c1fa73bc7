// Plan and Outcome: which bytes change, and what became of it.

import type { Layout } from "../addon/native.js";
import type { FixelfErrorCode } from "../base/errors.js";
import type { FileKind } from "../file/kind.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";

/** One thing that a plan changes in a file. */
export interface Edit {
  /** Which part of the file. */
  what: "interpreter" | "runpath" | "rpath" | "shebang";
  /** What it says now; null where it says nothing. */
  from: string | null;
  /** What it is to say. */
  to: string;
}

/** What is to be done with one file. */
export interface FilePlan {
  /** As the caller named it. */
  path: string;
  /** What it is to whoever reads of it. */
  kind: FileKind;
  /** Where this machine opens it. */
  host: string;
  /** Where the result goes: `host`, or another file. */
  output: string;
  /** Whether a loader ever opens it: only then is there something to verify. */
  dynamic: boolean;
  /** Whether it is a script, whose first line names what runs it. */
  script: boolean;
  /** The loader that it will run with, or (libraries) that is assumed; null where none is known. */
  loader: string | null;
  /**
   * The loader that may be asked about the result: one of the store's, or the one that the user
   * named. What else the file names as its loader is never run.
   */
  trustedLoader: string | null;
  /** Whether it is for another system, or a machine or a libc that nothing in its tree needs: then it is left as it is. */
  passedOver: boolean;
  /** Empty: nothing to change. */
  edits: Edit[];
  /** Why each choice was made, one sentence each. */
  reasons: string[];
  /** Store paths that the file will point at. */
  storePaths: string[];
  /** Libraries for want of which nothing can be done. */
  missing: MissingLibrary[];
  /** Why nothing can be done, as `code` and `message`, and whether reading it `failed`; or null. */
  refusal: { code: FixelfErrorCode; message: string; failed: boolean } | null;
  /** The bytes; null where nothing changes. */
  layout: Layout | null;
}

/** What is to be done with all files of a call; made by `plan`, for `apply`. */
export interface FixPlan {
  /** One for each file, in the order in which they were found. */
  files: FilePlan[];
  /** What killed processes may have left beside them, to be removed. */
  leftovers: string[];
  /** Only the changed bytes are written, into the files themselves. */
  inPlace: boolean;
  /** What the fixed files point at is registered with Nix. */
  gcRoot: boolean;
  /** Globs of sonames that may stay missing. */
  ignoreMissing: readonly string[];
  /** The root that paths are seen from; "" for this machine. */
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
  /** What it is to whoever reads of it. */
  kind: FileKind;
  /** `refused`: not touched because it could not be done safely. `failed`: the disk said no. */
  outcome: "fixed" | "unchanged" | "refused" | "failed";
  /** Both our own reading of the new bytes and the chosen loader agree. */
  verified: boolean;
  /** What was changed. */
  edits: Edit[];
  /** Why each choice was made, and each place taken, one sentence each. */
  reasons: string[];
  /** What keeps it from starting all the same, a sentence each: a missing library that was to be left, a
   * mode without execute permission, a kernel that is too old. */
  remaining: string[];
  /** Libraries for want of which it was refused, with the packages of nixpkgs that have them. */
  missing: MissingLibrary[];
  /** With `refused` and `failed`: its `code` and `message`; else null. */
  error: { code: FixelfErrorCode; message: string } | null;
}
