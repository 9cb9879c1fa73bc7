// Findings: what is wrong with a file, and what to do about it.

/** The kinds of finding; stable. docs/findings.md says what each means. */
export type FindingCode =
  | "interpreter-missing"
  | "interpreter-collected"
  | "library-missing"
  | "library-collected"
  | "library-wrong-machine"
  | "dlopen-library-missing"
  | "wrong-machine"
  | "version-missing"
  | "script-interpreter-missing"
  | "not-executable"
  | "malformed";

export interface Finding {
  code: FindingCode;
  /** One sentence that a person understands. */
  message: string;
  /** What was looked at and seen, a line each. */
  evidence: string[];
  /** The exact command that helps next, or a sentence where no command does. */
  remedy: string;
}

/** Whether something has to be done; what a program may open while it runs is a guess. */
export function isCertain({ code }: Finding): boolean {
  return code !== "dlopen-library-missing";
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
