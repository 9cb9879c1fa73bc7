// fixelf doctor: what is wrong, and what to do about it.
import type { Command } from "commander";
import { type SharedFlags, withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    program
      .command("doctor")
      .description("say why programs don't run, and what to do about it, without running them")
      .argument("<path...>", "files, or directories to look through"),
    "fixelf doctor ./python3.12",
  ).action(async (paths: string[], flags: SharedFlags) => {
    await (await import("./examine.js")).examine(paths, flags);
  });
}
