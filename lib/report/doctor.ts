// What is wrong with each file, what was seen, and what to do about it.
import type { Diagnosis } from "../doctor/finding.js";
import { isError } from "../judge/problem.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";

/** All that is known about one file. */
export function diagnosisText(diagnosis: Diagnosis, colors: Colors): Shown {
  const { path, verdict, summary, findings } = diagnosis;
  const lines = [line`${colored(diagnosis, colors)(verdict)}  ${colors.bold(path)}`];
  // The summary of a broken file may be its first finding.
  if (summary !== findings[0]?.message) lines.push(line`  ${summary}`);
  for (const finding of findings) {
    const { code, message, evidence, remedy } = finding;
    lines.push(line`  ${(isError(finding) ? colors.red : colors.yellow)(code)}  ${message}`);
    for (const seen of evidence) lines.push(line`    ${colors.dim(seen)}`);
    lines.push(line`    ${colors.green("→")} ${remedy}`);
  }
  return inLines(lines);
}

function colored({ verdict, findings }: Diagnosis, colors: Colors) {
  if (findings.some(isError) || verdict === "broken" || verdict === "unreadable") return colors.red;
  return verdict === "not-elf" ? colors.yellow : colors.green;
}
