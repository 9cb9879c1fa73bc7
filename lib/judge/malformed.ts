// no-elf-file: the shell tries to read it as a script, or reports "Exec format error" (ENOEXEC). malformed: it begins
// like an ELF file, but then contradicts itself or ends too early.
import { shellWord } from "../base/shell.js";
import { type Content, contentOf } from "../file/content.js";
import type { Subject } from "../file/tree.js";
import type { Problem } from "./problem.js";

export function noElfFile({ host, shown }: Subject): Problem {
  return noElf(contentOf(host, shown));
}

export function noElf({ what, remedy }: Content): Problem {
  return {
    code: "no-elf-file",
    severity: "error",
    message: `it is ${what}, and no ELF file`,
    evidence: ["its first bytes say so"],
    remedy: remedy ?? "Get the Linux build",
    need: null,
  };
}

export function malformedProblem(subject: Subject): Problem {
  return {
    code: "malformed",
    severity: "error",
    message: `it is a damaged ELF file: ${subject.failure?.message ?? "it cannot be read"}`,
    evidence: [`${subject.failure?.code ?? "io"}: ${subject.failure?.message ?? ""}`],
    remedy:
      subject.failure?.remedy ??
      `Download the file again; ls -l ${shellWord(subject.shown)} shows whether its size is right`,
    need: null,
  };
}
