// load-refused: what is found and still cannot be loaded: segments that cannot be mapped ("ELF load
// command address/offset not page-aligned"), symbol versions of a library that is not needed.
import type { Resolution } from "../addon/facts.js";
import type { Problem } from "./problem.js";

export function loadProblemsOf({ loadProblems, interpreter }: Resolution): Problem[] {
  return loadProblems.map(({ path, why }) => ({
    code: "load-refused",
    severity: "error",
    message: `${path} cannot be loaded: ${why}`,
    evidence: [`${interpreter.path} would load it`],
    remedy: `Get another build of ${path}: no search path helps against that`,
    need: null,
  }));
}
