// Findings: what is wrong with a file, and what to do about it.
import type { FileKind } from "../file/kind.js";
import { type Need, type Problem, problemCodes } from "../judge/problem.js";

/** The kinds of finding; stable. docs/findings.md explains each. */
export const findingCodes = [
  ...problemCodes,
  "dlopen-library-missing",
  "driver-missing",
  "driver-too-new",
  "session-environment",
  "other-libc",
  "unprotected-from-gc",
] as const;

/** The kinds of finding; stable. docs/findings.md explains each. */
export type FindingCode = (typeof findingCodes)[number];

/** A problem with its remedy, or something that does not keep a file from starting but is worth knowing. */
export interface Finding extends Omit<Problem<FindingCode>, "remedy" | "need"> {
  /** The exact command that helps next, or a sentence if no command does. */
  remedy: string;
  /**
   * What the file lacks, or what is wrong with it, by name: a soname, a loader's path, a symbol version. Files with the
   * same code and the same cause need the same thing. null if only the file itself is at fault.
   */
  cause: string | null;
  /** Present if nixpkgs has what no store path has. */
  get?: Getting;
}

/** How to get what is missing from nixpkgs. */
export interface Getting {
  /** An argument for Nix: "nixpkgs#zlib". */
  package: string;
  /** The command that gets everything that is missing, and fixes. */
  command: string;
}

/** The overall verdict on a file. */
export type Verdict =
  | "healthy"
  | "broken"
  | "static"
  | "not-elf"
  | "script"
  | "not-a-program"
  /** Found below a directory, among files for this machine. */
  | "other-machine"
  /** Found below a directory in which all programs are for another libc. */
  | "other-libc"
  | "unreadable";

/** What a file is, and what is wrong with it. */
export interface Diagnosis {
  /** As the caller named it, or found below what the caller named. */
  path: string;
  /** What the file is, for reports. */
  kind: FileKind;
  /** The overall verdict. */
  verdict: Verdict;
  /** One sentence: why this verdict. */
  summary: string;
  /** What is wrong, or worth knowing; the first thing first. */
  findings: Finding[];
}

/** What the store's contents add to a problem. */
export interface Help {
  evidence: string[];
  remedy: string;
  get?: Getting;
}

export function asFinding({ need, ...problem }: Problem, { evidence, ...help }: Help): Finding {
  const cause = need === null ? null : causeOf(need);
  return { ...problem, evidence: [...problem.evidence, ...evidence], ...help, cause };
}

function causeOf(need: Need): string {
  switch (need.kind) {
    case "loader":
      return need.interpreter;
    case "library":
      return need.library.soname;
    case "version":
      return need.version.version;
    case "libc":
      return need.path;
  }
}
