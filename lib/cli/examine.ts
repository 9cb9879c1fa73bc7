// What fixelf doctor does, in one module that is loaded when it runs.
import { diagnoseEach } from "../doctor/diagnose.js";
import type { Diagnosis } from "../doctor/finding.js";
import { isError } from "../judge/problem.js";
import { diagnosisText } from "../report/doctor.js";
import { inLines, line, type Shown } from "../report/shown.js";
import { plural } from "../report/text.js";
import { exitCodes, type Output, run, worst } from "./command.js";
import { commonOptions, type TalkFlags } from "./options.js";
import { progressLine } from "./progress.js";

/** Up to this many files, each is reported in full. */
const fewFiles = 3;

export async function examine(paths: string[], flags: TalkFlags): Promise<void> {
  await run(flags, async (output) => {
    const files = await examined(paths, flags, output);
    const text = await textOf(files, flags, output);
    output.print("doctor", { files }, () => text);
    return worst(files.map(codeOf));
  });
}

/** With --verbose, each file is reported as soon as it is examined. */
async function examined(
  paths: readonly string[],
  flags: TalkFlags,
  { colors, show }: Output,
): Promise<Diagnosis[]> {
  const files: Diagnosis[] = [];
  let total = 0;
  let ill = 0;
  const progress = progressLine(paths, () =>
    total === 0
      ? `reading ${paths.join(" ")}`
      : `${files.length} of ${plural(total, "file")} examined, ${ill} with findings`,
  );
  try {
    const onRead = (count: number) => {
      total += count;
    };
    for await (const file of diagnoseEach(paths, commonOptions(flags), onRead)) {
      files.push(file);
      if (file.findings.length > 0) ill++;
      if (!flags.verbose) continue;
      progress?.clear();
      if (!show(diagnosisText(file, colors))) break;
    }
  } finally {
    progress?.stop();
  }
  return files;
}

async function textOf(
  files: readonly Diagnosis[],
  { verbose, json, quiet }: TalkFlags,
  { colors }: Output,
): Promise<Shown> {
  if (json || quiet) return line``;
  if (files.length <= fewFiles && !verbose)
    return inLines(files.map((file) => diagnosisText(file, colors)));
  const { causesText, totalsText } = await import("../report/causes.js");
  if (verbose) return files.length > 1 ? totalsText(files) : line``;
  return inLines([causesText(files, colors), totalsText(files)].filter(({ isEmpty }) => !isEmpty));
}

function codeOf({ verdict, findings }: Diagnosis): number {
  if (verdict === "unreadable") return exitCodes.failure;
  return findings.some(isError) || verdict === "broken" || verdict === "not-elf"
    ? exitCodes.findings
    : exitCodes.good;
}
