// load-refused: what is found but still cannot be loaded: segments that cannot be mapped ("ELF load command
// address/offset not page-aligned"), symbol versions of a library that is not needed. open-refused: what can be loaded
// when a program starts, but not into a running one (dlopen): "cannot allocate memory in static TLS block", "cannot
// enable executable stack as shared object requires".
import { basename } from "node:path";
import type { Facts, Resolution } from "../addon/facts.js";
import { shellWord } from "../base/shell.js";
import type { Problem } from "./problem.js";

export function loadProblemsOf(facts: Facts, { loadProblems, interpreter }: Resolution): Problem[] {
  const isStatic = facts.type === "static" || facts.type === "static-pie";
  return loadProblems.map(({ path, why, opened }) => {
    if (!opened)
      return {
        code: "load-refused",
        severity: "error",
        message: `${path} cannot be loaded: ${why}`,
        evidence: interpreter.found && !isStatic ? [`${interpreter.path} would load it`] : [],
        remedy: `Get another build of ${path}`,
        need: null,
      };
    return {
      code: "open-refused",
      // A library has a name to link it by; a module is only ever opened.
      severity: facts.soname === null ? "error" : "warning",
      message: `${path}: ${why}`,
      evidence: [
        `${interpreter.path} would refuse it in dlopen(3), and loads it with a program that needs it or that it is preloaded into`,
      ],
      remedy: `LD_PRELOAD=${shellWord(path)} PROGRAM, or a build of ${basename(path)} that asks for less`,
      need: null,
    };
  });
}
