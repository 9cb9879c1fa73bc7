// fixelf prune: forgets what is of no use any more.
import type { Command } from "commander";
import { exitCodes, run } from "./command.js";
import { type TalkFlags, withOutput } from "./options.js";

interface PruneFlags extends TalkFlags {
  dryRun?: boolean;
  force?: boolean;
}

export function define(program: Command): void {
  withOutput(
    program
      .command("prune")
      .description(
        "remove undo records that can't undo anything, and GC roots of files that are gone",
      )
      .argument("[path...]", "remove only records of files at or below these")
      .option("-n, --dry-run", "say what would be removed, and remove nothing")
      .option(
        "--force",
        "also remove the records of files that are still fixed; undo can't help then",
      ),
    "fixelf prune --dry-run",
  ).action((paths: string[], flags: PruneFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ prune }, { prunedText }] = await Promise.all([
        import("../fix/records.js"),
        import("../report/records.js"),
      ]);
      const { dryRun = false, force = false } = flags;
      const pruned = await prune(paths, { dryRun, force });
      print("prune", { dryRun, ...pruned }, () => prunedText(pruned, dryRun, colors));
      return pruned.failures.length > 0 ? exitCodes.findings : exitCodes.good;
    }),
  );
}
