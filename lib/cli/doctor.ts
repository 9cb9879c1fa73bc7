// fixelf doctor: what is wrong, and what to do about it.
import type { Command } from "commander";
import { type TalkFlags, withShared, withTalk } from "./options.js";

export function define(program: Command): void {
  withShared(
    withTalk(
      program
        .command("doctor")
        .description("say why programs don't run, and what to do about it, without running them")
        .argument("<path...>", "files, or directories to look through"),
      "tell each file in full, as soon as it is examined, instead of grouping by cause",
    ),
    "fixelf doctor ./python3.12",
  ).action(async (paths: string[], flags: TalkFlags) => {
    await (await import("./examine.js")).examine(paths, flags);
  });
}
