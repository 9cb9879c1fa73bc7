// fixelf list: which files were fixed, and what is kept for them.
import type { Command } from "commander";
import { exitCodes, run } from "./command.js";
import { type TalkFlags, withOutput } from "./options.js";

export function define(program: Command): void {
  withOutput(
    program
      .command("list")
      .description("list the files that were fixed, and the store paths kept for them (GC roots)")
      .argument("[path...]", "files, or directories; all if none is given"),
    "fixelf list ~/.local/share",
  ).action((paths: string[], flags: TalkFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ remembered }, { rememberedText }] = await Promise.all([
        import("../fix/records.js"),
        import("../report/records.js"),
      ]);
      const found = await remembered(paths);
      print("list", found, () => rememberedText(found, colors));
      return exitCodes.good;
    }),
  );
}
