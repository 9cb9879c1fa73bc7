// fixelf patchelf: a drop-in for patchelf, native/patchelf. lib/cli/main.ts starts it; this only lists it.
import type { Command } from "commander";

export function define(program: Command): void {
  program
    .command("patchelf")
    .description("act as patchelf 0.19: the same options, output and exit codes")
    .argument("[argument...]", "patchelf options and files; see fixelf patchelf --help")
    .helpOption(false)
    .allowUnknownOption();
}
