// What keeps a file from being started or loaded, as the kernel or the loader would find it. Whoever
// asks whether something starts asks for these: there is no second opinion.
import type { ResolvedLibrary, VersionProblem } from "../addon/facts.js";

/** The kinds of problem; stable. docs/findings.md says what each means. */
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

/** The kinds of problem; stable. docs/findings.md says what each means. */
export type ProblemCode = (typeof problemCodes)[number];

/** What would have to be there: a store may have it. */
export type Need =
  | { kind: "loader"; interpreter: string }
  | { kind: "library"; library: ResolvedLibrary }
  | { kind: "version"; version: VersionProblem }
  /** `part` of a C library, by its soname, is of another build than the loader. */
  | { kind: "libc"; part: string; path: string; neededBy: string };

/** Something that keeps a file from starting, or may. */
export interface Problem<Code extends string = ProblemCode> {
  /** Its kind. */
  code: Code;
  /**
   * `error`: it does not start, or does not do what it is for. `warning`: it starts, and something
   * may go wrong later.
   */
  severity: "error" | "warning";
  /** One sentence that a person understands. */
  message: string;
  /** What was looked at and seen, a line each. */
  evidence: string[];
  /** What helps whatever the store has; null where that depends on the store. */
  remedy: string | null;
  /** null where nothing that a store could have would help. */
  need: Need | null;
}

/** Whether something has to be done before it works. */
export function isError({ severity }: Pick<Problem, "severity">): boolean {
  return severity === "error";
}
