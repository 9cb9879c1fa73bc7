// What a watch tells: of each program what became of it, and of itself how it fares.
import type { Outcome } from "../fix/outcome.js";

/** What became of one file that arrived. Files that need nothing are passed over in silence. */
export interface WatchOutcome extends Omit<Outcome, "outcome"> {
  /** As in `Outcome`; `would-fix` with `dryRun`. */
  outcome: "fixed" | "would-fix" | "refused" | "failed";
}

/** How the watch itself fares. */
export type WatchEvent =
  /** A directory is being watched, or is so again. */
  | { kind: "watching"; path: string }
  /** It is not there, and is waited for. */
  | { kind: "waiting"; path: string }
  /** The kernel's queue overflowed: everything is looked at again. */
  | { kind: "overflow" }
  /** Directories that can't be watched are looked at every so many seconds instead. */
  | { kind: "unwatched"; path: string; message: string; seconds: number }
  /**
   * A program has files for machines that this one is not, or for a libc ("musl on x86-64 (ELF64)") that nothing in
   * its tree needs; told once for each.
   */
  | { kind: "passed-over"; path: string; files: number; machines: string[] }
  /** Something could not be looked at. */
  | { kind: "trouble"; path: string; message: string };
