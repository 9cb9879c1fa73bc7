// Findings: what is wrong with a file, and what to do about it.

/** The kinds of finding; stable. docs/findings.md says what each means. */
export const findingCodes = [
  "interpreter-missing",
  "interpreter-collected",
  "library-missing",
  "library-collected",
  "library-wrong-machine",
  "dlopen-library-missing",
  "driver-missing",
  "driver-too-new",
  "libc-mixed",
  "wrong-machine",
  "isa-level-too-high",
  "kernel-too-old",
  "version-missing",
  "relocations-unmarked",
  "script-interpreter-missing",
  "not-executable",
  "noexec-mount",
  "unprotected-from-gc",
  "malformed",
] as const;

export type FindingCode = (typeof findingCodes)[number];

export interface Finding {
  code: FindingCode;
  /**
   * `error`: it does not start, or does not do what it is for. `warning`: it starts, and something
   * may go wrong later; that makes no file broken.
   */
  severity: "error" | "warning";
  /** One sentence that a person understands. */
  message: string;
  /** What was looked at and seen, a line each. */
  evidence: string[];
  /** The exact command that helps next, or a sentence where no command does. */
  remedy: string;
}

/** Whether something has to be done before it works. */
export function isError({ severity }: Finding): boolean {
  return severity === "error";
}

/** What a file is, all in all. */
export type Verdict =
  | "healthy"
  | "broken"
  | "static"
  | "not-elf"
  | "script"
  | "not-a-program"
  | "unreadable";

export interface Diagnosis {
  path: string;
  verdict: Verdict;
  /** One sentence: why this verdict. */
  summary: string;
  findings: Finding[];
}
