// What bears on the choice of a loader and libraries: the options of every command that chooses.
import type { Command } from "commander";
import type { ChoiceOptions } from "../base/options.js";
import { commonOptions, repeated, type SharedFlags, seenFromRoot } from "./options.js";

export interface ChoiceFlags extends SharedFlags {
  interpreter?: string;
  lib?: string[];
  ignoreMissing?: string[];
}

export function withChoices(command: Command): Command {
  return command
    .option("--interpreter <file>", "use this loader")
    .option("--lib <dir>", "prefer libraries from DIR over the store's (repeatable)", repeated)
    .option("--ignore-missing <glob>", "libraries that may remain missing (repeatable)", repeated);
}

export function choiceOptions(flags: ChoiceFlags): ChoiceOptions {
  const { interpreter, lib, ignoreMissing, root } = flags;
  return {
    ...commonOptions(flags),
    ...(interpreter !== undefined && { interpreter: seenFromRoot(interpreter, root) }),
    ...(lib !== undefined && {
      libraryDirectories: lib.map((directory) => seenFromRoot(directory, root)),
    }),
    ...(ignoreMissing !== undefined && { ignoreMissing }),
  };
}
