// fixelf list: which files were fixed, and what is kept for them.
import type { Command } from "commander";
import { exitCodes, run } from "./command.js";
import { type TalkFlags, withOutput } from "./options.js";

export function define(program: Command): void {
  withOutput(
    program
      .command("list")
      .description("list fixed files, and the GC roots that are kept for them")
      .argument("[path...]", "files or directories (default: all)"),
    "fixelf list ~/.local/share",
  ).action((paths: string[], flags: TalkFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ remembered }, { rememberedText }] = await Promise.all([
        import("../fix/records.js"),
        import("../report/records.js"),
      ]);
      const found = await remembered(paths);
      print("list", found, () => rememberedText(found, colors));
      return found.failures.length > 0 ? exitCodes.failure : exitCodes.good;
    }),
  );
}
