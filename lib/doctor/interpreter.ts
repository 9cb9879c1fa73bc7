// interpreter-missing and interpreter-collected: the kernel says "No such file or directory" of a
// program that is there, because what is missing is its loader (execve(2), ENOENT).
import type { Facts, Resolution } from "../addon/facts.js";
import type { Subject } from "../file/tree.js";
import { type Circumstances, collectedStorePath, fixCommand } from "../judge/circumstances.js";
import type { Finding } from "./finding.js";

export async function interpreterFindings(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const interpreter = facts.interpreter;
  if (interpreter === null || facts.type === "shared-library") return [];
  if (resolution.interpreter.found) return [];
  const collected = collectedStorePath(interpreter, circumstances);
  const remedy = fixCommand(subject, circumstances);
  const evidence = [
    `PT_INTERP names ${interpreter}`,
    `${interpreter}: ${resolution.interpreter.reason}`,
  ];
  if (collected !== null) {
    return [
      {
        code: "interpreter-collected",
        severity: "error",
        message: `its loader was in ${collected}, which garbage collection has taken`,
        evidence,
        remedy,
      },
    ];
  }
  return [
    {
      code: "interpreter-missing",
      severity: "error",
      message: `its loader ${interpreter} is not there, so the kernel says "No such file or directory"`,
      evidence,
      remedy,
    },
  ];
}
