// fixelf closure: what a program really needs, compared with what Nix keeps for it.
import type { Command } from "commander";
import { exitCodeOf, exitCodes, run, worst } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    program
      .command("closure")
      .description("show what a program needs from the store, and what else Nix keeps for it")
      .argument("<path>", "a program, a library, a store path or a directory"),
    "fixelf closure /run/current-system/sw/bin/bash",
  ).action((path: string, flags: SharedFlags) =>
    run(flags, async ({ colors, print }) => {
      const [{ closure }, { closureText }] = await Promise.all([
        import("../closure/closure.js"),
        import("../report/closure.js"),
      ]);
      const answer = await closure(path, commonOptions(flags));
      print("closure", answer, () => closureText(answer, colors));
      if (answer.unread.length > 0) return worst(answer.unread.map(({ code }) => exitCodeOf(code)));
      return answer.unprotected.length > 0 ? exitCodes.findings : exitCodes.good;
    }),
  );
}
