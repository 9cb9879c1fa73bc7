// What is wrong with each file, what was seen, and what to do about it.
import type { Diagnosis } from "../doctor/finding.js";
import { isError } from "../judge/problem.js";
import { type Colors, printable } from "./text.js";

/** All that is known of one file. */
export function diagnosisText(diagnosis: Diagnosis, colors: Colors): string {
  const { path, verdict, summary, findings } = diagnosis;
  const lines = [`${colored(diagnosis, colors)(verdict)}  ${colors.bold(printable(path))}`];
  // The summary of a broken file may be its first finding.
  if (summary !== findings[0]?.message) lines.push(`  ${printable(summary)}`);
  for (const finding of findings) {
    const { code, message, evidence, remedy } = finding;
    lines.push(`  ${(isError(finding) ? colors.red : colors.yellow)(code)}  ${printable(message)}`);
    for (const line of evidence) lines.push(`    ${colors.dim(printable(line))}`);
    lines.push(`    ${colors.green("→")} ${printable(remedy)}`);
  }
  return lines.join("\n");
}

function colored({ verdict, findings }: Diagnosis, colors: Colors) {
  if (findings.some(isError) || verdict === "broken" || verdict === "unreadable") return colors.red;
  return verdict === "not-elf" ? colors.yellow : colors.green;
}
