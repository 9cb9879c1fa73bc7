// fixelf doctor: what is wrong, and what to do about it.
import type { Command } from "commander";
import { type Diagnosis, isError } from "../doctor/finding.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";
import { exitCodes, run, worst } from "./run.js";

export function define(program: Command): void {
  withShared(
    program
      .command("doctor")
      .description("say why programs don't run, and what to do about it, without running them")
      .argument("<path...>", "files, or directories to look through"),
    "fixelf doctor ./python3.12",
  ).action((paths: string[], flags: SharedFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ diagnose }, { doctorText }] = await Promise.all([
        import("../doctor/diagnose.js"),
        import("../report/doctor.js"),
      ]);
      const files = await diagnose(paths, commonOptions(flags));
      print("doctor", { files }, () => doctorText(files, colors));
      return worst(files.map(codeOf));
    }),
  );
}

function codeOf({ verdict, findings }: Diagnosis): number {
  if (verdict === "unreadable") return exitCodes.failure;
  return findings.some(isError) || verdict === "broken" || verdict === "not-elf"
    ? exitCodes.findings
    : exitCodes.good;
}
