// What a watch reports: what became of each program, and the state of the watch itself.
import type { Outcome } from "../fix/outcome.js";

/** What became of one file that arrived. Files that need nothing are not reported. */
export interface WatchOutcome extends Omit<Outcome, "outcome"> {
  /** As in `Outcome`; `would-fix` with `dryRun`. */
  outcome: "fixed" | "would-fix" | "refused" | "failed";
}

/** The state of the watch itself. */
export type WatchEvent =
  /** A directory is being watched, or is watched again. */
  | { kind: "watching"; path: string }
  /** It does not exist yet, and is waited for. */
  | { kind: "waiting"; path: string }
  /** The kernel's queue overflowed: everything is examined again. */
  | { kind: "overflow" }
  /** Directories that cannot be watched are examined every so many seconds instead. */
  | { kind: "unwatched"; path: string; message: string; seconds: number }
  /**
   * A program has files for other machines than this one, or for a libc ("musl on x86-64 (ELF64)") that nothing in its
   * tree needs; reported once for each.
   */
  | { kind: "passed-over"; path: string; files: number; machines: string[] }
  /** Something could not be examined. */
  | { kind: "trouble"; path: string; message: string };
