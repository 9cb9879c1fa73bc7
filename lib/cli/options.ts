// The flags shared by all commands, defined once.
import type { Command } from "commander";
import { isDirectory } from "../base/directories.js";
import { FixelfError } from "../base/errors.js";
import type { CommonOptions } from "../base/options.js";
import { insideRoot } from "../file/rooted.js";
import { type Colors, colorsBy } from "../report/shown.js";
import { indexTalk } from "./index_talk.js";
import { isTerminal } from "./terminal.js";

export interface SharedFlags {
  json?: boolean;
  root?: string;
  store?: string;
  system?: string;
  /** Of commands with `withLoadingProgram`. */
  for?: string;
  color?: boolean;
  index?: boolean;
}

/** How much a command says about what it does. */
export interface TalkFlags extends SharedFlags {
  verbose?: boolean;
  quiet?: boolean;
}

/** `verbose` describes what it adds. */
export function withTalk(command: Command, verbose: string): Command {
  return command
    .option("-v, --verbose", verbose)
    .option("-q, --quiet", "print only errors; the exit code tells the result");
}

/** Adds the shared flags, and an example to the help; `json` describes --json. */
export function withShared(command: Command, example: string, json?: string): Command {
  return withOutput(command, example, json)
    .option("--root <dir>", "use DIR as the root of another system")
    .option("--store <dir>", "store directory (default: /nix/store)")
    .option("--system <dir>", "running system (default: /run/current-system/sw)")
    .option("--no-index", "read the store directly, without the index");
}

/** For commands to which it matters which program loads a library. */
export function withLoadingProgram(command: Command): Command {
  return command.option(
    "--for <program>",
    "take libraries for ones that PROGRAM loads (its Python, its Node)",
  );
}

/** Adds the flags of commands that do not look into a store. */
export function withOutput(command: Command, example: string, json = "print JSON"): Command {
  return command
    .option("--json", json)
    .option("--color", "always use color")
    .option("--no-color", "never use color (the same as NO_COLOR)")
    .showHelpAfterError(`Try: fixelf ${command.name()} --help`)
    .addHelpText("after", `\nExample:\n  $ ${example}`);
}

/** An option that may be given more than once. */
export function repeated(value: string, before: string[] = []): string[] {
  return [...before, value];
}

export function commonOptions(flags: SharedFlags): CommonOptions {
  const { root, store, system, index } = flags;
  if (root !== undefined && !isDirectory(root))
    throw new FixelfError("not-found", `${root}: there is no such directory`, { path: root });
  return {
    ...(root !== undefined && { root }),
    ...(store !== undefined && { store: seenFromRoot(store, root) }),
    ...(system !== undefined && { system: seenFromRoot(system, root) }),
    ...(flags.for !== undefined && { program: flags.for }),
    ...(index !== undefined && { index }),
    onIndex: indexTalk(),
  };
}

/**
 * A path that is written into files, which have no working directory, or compared with paths in them.
 * @throws FixelfError `not-found` if it is relative to a directory outside the root
 */
export function seenFromRoot(path: string, root: string | undefined): string {
  // An empty one, as from an unset variable, does not mean the working directory.
  if (path === "" || path.startsWith("/")) return path;
  return insideRoot(path, root === undefined ? {} : { root }, "list").named;
}

export async function colorsFor({ color }: SharedFlags): Promise<Colors> {
  const { NO_COLOR, TERM } = process.env;
  if (!(color ?? (!NO_COLOR && isTerminal(1) && TERM !== "dumb"))) return colorsBy(null);
  const { createColors } = (await import("picocolors")).default;
  return colorsBy(createColors(true));
}
