// fixelf path: where the package's programs are.
import { Argument, type Command } from "commander";
import { type ProgramName, programNames, programPath } from "../addon/programs.js";
import { line } from "../report/shown.js";
import { exitCodes, run } from "./command.js";
import { type TalkFlags, withOutput } from "./options.js";

export function define(program: Command): void {
  withOutput(
    program
      .command("path")
      .description("print where the package's own patchelf or stand-in loader is")
      .addArgument(new Argument("<program>", "patchelf or ld").choices(programNames)),
    "ln -s $(fixelf path patchelf) ~/bin/patchelf",
  ).action((name: ProgramName, flags: TalkFlags) =>
    run(flags, async ({ print }) => {
      const path = programPath(name);
      print("path", { path }, () => line`${path}`);
      return exitCodes.good;
    }),
  );
}
