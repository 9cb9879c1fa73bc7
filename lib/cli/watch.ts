// fixelf watch: fixes programs as they arrive.
import type { Command } from "commander";
import { FixelfError } from "../base/errors.js";
import { writeFully } from "../base/write_fully.js";
import { line } from "../report/shown.js";
import type { WatchedDirectory } from "../watch/presets.js";
import type { WatchOptions } from "../watch/watch.js";
import { type ChoiceFlags, choiceOptions, withChoices } from "./choice.js";
import { exitCodes, run, untilInterrupted } from "./command.js";
import { repeated, withLoadingProgram, withShared } from "./options.js";

interface WatchFlags extends ChoiceFlags {
  dryRun?: boolean;
  preset?: string[];
  depth?: string;
  gcRoot: boolean;
  settle?: string;
  rescan?: string;
}

export function define(program: Command): void {
  withShared(
    withChoices(
      withLoadingProgram(
        program
          .command("watch")
          .description("fix programs as they arrive in directories, until stopped")
          .argument("[dir...]", "directories; they need not exist yet")
          .option("--dry-run", "show what would be fixed without writing anything"),
      )
        .option(
          "--preset <tool>",
          "the directories of a tool, such as uv or vscode-server (repeatable; an unknown name lists all)",
          repeated,
        )
        .option("--depth <n>", "level below DIR at which a program's tree begins (default: 1)"),
    )
      .option(
        "--no-gc-root",
        "do not register GC roots for the store paths that the files refer to",
      )
      .option(
        "--settle <ms>",
        "how long a program must have been left alone, in milliseconds (default: 100)",
      )
      .option(
        "--rescan <s>",
        "how often to check what cannot be watched, in seconds (default: 30)",
      ),
    "fixelf watch --preset uv --preset playwright",
  ).action((directories: string[], flags: WatchFlags) =>
    run(flags, async ({ colors, say }) => {
      const [{ watch }, { watchLine, watchRecord, watchTalk }] = await Promise.all([
        import("../watch/watch.js"),
        import("../report/watch.js"),
      ]);
      // A watch ends by being stopped, by Ctrl-C or by a service manager.
      const signal = untilInterrupted();
      const outcomes = watch(await watchedDirectories(directories, flags), {
        ...watchOptions(flags),
        signal,
        onWatch: (event) => say(line`fixelf: ${watchTalk(event)}`),
      });
      for await (const outcome of outcomes)
        writeFully(1, `${flags.json ? watchRecord(outcome) : watchLine(outcome, colors).text}\n`);
      return exitCodes.good;
    }),
  );
}

async function watchedDirectories(
  directories: readonly string[],
  { preset = [], depth }: WatchFlags,
): Promise<WatchedDirectory[]> {
  const { isPreset, presetDirectories, presetNames } = await import("../watch/presets.js");
  const levels = depth === undefined ? {} : { depth: number("--depth", depth, 0, 16) };
  const watched: WatchedDirectory[] = directories.map((path) => ({ path, ...levels }));
  for (const name of preset) {
    if (!isPreset(name))
      throw new FixelfError("usage", `--preset: ${name} is none of ${presetNames.join(", ")}`);
    watched.push(...presetDirectories(name));
  }
  if (watched.length === 0)
    throw new FixelfError("usage", "name a directory to watch, or a tool with --preset");
  return watched;
}

function watchOptions(flags: WatchFlags): WatchOptions {
  const { dryRun, gcRoot, settle, rescan } = flags;
  return {
    ...choiceOptions(flags),
    ...(dryRun !== undefined && { dryRun }),
    ...(settle !== undefined && { settle: number("--settle", settle, 1, 60_000) }),
    ...(rescan !== undefined && { rescan: number("--rescan", rescan, 1, 86_400) }),
    gcRoot,
  };
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text) || value < least || value > most)
    throw new FixelfError("usage", `${option}: ${text} is not a number from ${least} to ${most}`);
  return value;
}
