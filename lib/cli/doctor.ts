// fixelf doctor: what is wrong, and what to do about it.
import type { Command } from "commander";
import { type TalkFlags, withLoadingProgram, withShared, withTalk } from "./options.js";

export function define(program: Command): void {
  withShared(
    withTalk(
      withLoadingProgram(
        program
          .command("doctor")
          .description("explain why programs do not run and how to fix them, without running them")
          .argument("<path...>", "files or directories to examine"),
      ),
      "print every file in full as soon as it is examined, instead of grouping by cause",
    ),
    "fixelf doctor ./python3.12",
  ).action(async (paths: string[], flags: TalkFlags) => {
    await (await import("./examine.js")).examine(paths, flags);
  });
}
