// What fixelf doctor does, all in one piece: it is loaded when it runs.
import { diagnose } from "../doctor/diagnose.js";
import type { Diagnosis } from "../doctor/finding.js";
import { isError } from "../judge/problem.js";
import { doctorText } from "../report/doctor.js";
import { exitCodes, run, worst } from "./command.js";
import { commonOptions, type SharedFlags } from "./options.js";

export async function examine(paths: string[], flags: SharedFlags): Promise<void> {
  await run(flags, async ({ colors, print }) => {
    const files = await diagnose(paths, commonOptions(flags));
    print("doctor", { files }, () => doctorText(files, colors));
    return worst(files.map(codeOf));
  });
}

function codeOf({ verdict, findings }: Diagnosis): number {
  if (verdict === "unreadable") return exitCodes.failure;
  return findings.some(isError) || verdict === "broken" || verdict === "not-elf"
    ? exitCodes.findings
    : exitCodes.good;
}
