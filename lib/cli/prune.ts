// fixelf prune: forgets what is no longer useful.
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
      .description("remove undo records that are of no use, and GC roots of deleted files")
      .argument("[path...]", "only files at or below these paths")
      .option("-n, --dry-run", "show what would be removed without removing anything")
      .option(
        "--force",
        "also forget files that are still fixed (these can no longer be undone), or whose directory is not there",
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
      return pruned.failures.length > 0 ? exitCodes.failure : exitCodes.good;
    }),
  );
}
