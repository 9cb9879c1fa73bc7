// fixelf tree: which files the loader would open.
import type { Command } from "commander";
import { commonOptions, type SharedFlags, withShared } from "./options.js";
import { exitCodes, run } from "./run.js";

export function define(program: Command): void {
  withShared(
    program
      .command("tree")
      .description("show which files the loader would open for a program, and why")
      .argument("<file>", "a program or library"),
    "fixelf tree ./python3.12",
  ).action((path: string, flags: SharedFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ resolve }, { isIncomplete, treeText }] = await Promise.all([
        import("../inspect.js"),
        import("../report/tree.js"),
      ]);
      const resolution = await resolve(path, commonOptions(flags));
      print("tree", resolution, () => treeText(resolution, colors));
      return isIncomplete(resolution) ? exitCodes.findings : exitCodes.good;
    }),
  );
}
