// fixelf undo: restores the original, byte for byte.
import type { Command } from "commander";
import { exitCodes, run, untilInterrupted, worst } from "./command.js";
import { commonOptions, type TalkFlags, withShared, withTalk } from "./options.js";

export function define(program: Command): void {
  withShared(
    withTalk(
      program
        .command("undo")
        .description("restore the original files, byte for byte")
        .argument("<path...>", "fixed files, or directories of them; they may have been moved"),
      "print every file",
    ),
    "fixelf undo ./python3.12",
  ).action((paths: string[], flags: TalkFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ undo }, { undoText }] = await Promise.all([
        import("../fix/undo.js"),
        import("../report/outcome.js"),
      ]);
      const signal = untilInterrupted();
      const files = await undo(paths, { ...commonOptions(flags), signal });
      print("undo", { files }, () => undoText(files, flags.verbose ?? false, colors));
      if (signal.aborted) return exitCodes.interrupted;
      return worst(
        files.map(({ outcome }) =>
          outcome === "failed"
            ? exitCodes.failure
            : outcome === "refused"
              ? exitCodes.findings
              : exitCodes.good,
        ),
      );
    }),
  );
}
