// What keeps a file from being started or loaded, as the kernel or the loader would find it. Everything that asks
// whether something starts uses these problems: there is no second opinion.
import type { ResolvedLibrary, VersionProblem } from "../addon/facts.js";

/** The kinds of problem; stable. docs/findings.md explains each. */
export const problemCodes = [
  "interpreter-missing",
  "interpreter-collected",
  "interpreter-unusable",
  "nixos-stub",
  "stand-in-without-loader",
  "library-missing",
  "library-collected",
  "library-wrong-machine",
  "library-unusable",
  "load-refused",
  "open-refused",
  "libc-mixed",
  "wrong-machine",
  "isa-level-too-high",
  "kernel-too-old",
  "version-missing",
  "relocations-unmarked",
  "symbol-missing",
  "search-path-misspelled",
  "script-interpreter-missing",
  "not-executable",
  "noexec-mount",
  "no-elf-file",
  "malformed",
] as const;

/** The kinds of problem; stable. docs/findings.md explains each. */
export type ProblemCode = (typeof problemCodes)[number];

/** What is missing, and a store may have. */
export type Need =
  | { kind: "loader"; interpreter: string }
  | { kind: "library"; library: ResolvedLibrary }
  | { kind: "version"; version: VersionProblem }
  /** `part` of a C library, by its soname, comes from a different build than the loader. */
  | { kind: "libc"; part: string; path: string; neededBy: string };

/** Something that keeps a file from starting, or may. */
export interface Problem<Code extends string = ProblemCode> {
  /** Its kind. */
  code: Code;
  /**
   * `error`: it does not start, or does not do what it is meant to. `warning`: it starts, and something may go wrong
   * later.
   */
  severity: "error" | "warning";
  /** One sentence, for people. */
  message: string;
  /** What was examined and found, one line each. */
  evidence: string[];
  /** What helps, whatever the store has; null if that depends on the store. */
  remedy: string | null;
  /** null if nothing that a store could have would help. */
  need: Need | null;
}

/** Whether something has to be done before it works. */
export function isError({ severity }: Pick<Problem, "severity">): boolean {
  return severity === "error";
}
