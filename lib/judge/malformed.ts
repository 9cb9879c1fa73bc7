// malformed: it begins as an ELF file does, and then contradicts itself or ends too early.

import { shellWord } from "../base/shell.js";
import type { Subject } from "../file/tree.js";
import type { Problem } from "./problem.js";

export function malformedProblem(subject: Subject): Problem {
  return {
    code: "malformed",
    severity: "error",
    message: `it is a damaged ELF file: ${subject.failure?.message ?? "it cannot be read"}`,
    evidence: [`${subject.failure?.code ?? "io"}: ${subject.failure?.message ?? ""}`],
    remedy: `Get the file anew; ls -l ${shellWord(subject.shown)} shows whether its size is right`,
    need: null,
  };
}
