// fixelf doctor: what is wrong, and what to do about it.
import type { Command } from "commander";
import type { DoctorFlags } from "./examine.js";
import { withShared, withTalk } from "./options.js";

export function define(program: Command): void {
  withShared(
    withTalk(
      program
        .command("doctor")
        .description("explain why programs do not run and how to fix them, without running them")
        .argument("<path...>", "files or directories to examine")
        .option("--for <program>", "judge libraries as ones that PROGRAM loads"),
      "print every file in full as soon as it is examined, instead of grouping by cause",
    ),
    "fixelf doctor ./python3.12",
  ).action(async (paths: string[], flags: DoctorFlags) => {
    await (await import("./examine.js")).examine(paths, flags);
  });
}
