// fixelf fix: makes programs run, or with --dry-run tells how it would.
import type { Command } from "commander";
import { FixelfError } from "../base/errors.js";
import type { PlanOptions } from "../base/options.js";
import type { Neighbours } from "../fix/beside.js";
import type { FilePlan, FixPlan, Outcome } from "../fix/outcome.js";
import type { PlannedFile } from "../report/documents.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";
import { type ChoiceFlags, choiceOptions, withChoices } from "./choice.js";
import { exitCodes, type Output, run, untilInterrupted, worst } from "./command.js";
import { type GetFlags, getDocument, withGet } from "./get.js";
import type { Getting } from "./getting.js";
import {
  commonOptions,
  type TalkFlags,
  withLoadingProgram,
  withShared,
  withTalk,
} from "./options.js";
import { withProgress } from "./progress.js";

interface FixFlags extends ChoiceFlags, GetFlags, TalkFlags {
  dryRun?: boolean;
  keepStandIn?: boolean;
  inPlace?: boolean;
  output?: string;
  gcRoot: boolean;
}

export function define(program: Command): void {
  withShared(
    withGet(
      withChoices(
        withTalk(
          withLoadingProgram(
            program
              .command("fix")
              .description("make programs run by setting their loader and library search paths")
              .argument("<path...>", "files or directories to examine")
              .option("-n, --dry-run", "show what would change without writing anything"),
          ),
          "print every file in full instead of grouping identical changes",
        )
          .option("--keep-stand-in", "keep programs on nix-ld or fixelf-ld where it can start them")
          .option("--in-place", "write only the changed bytes, into the file itself")
          .option(
            "--output <file>",
            "write the fixed program to FILE and leave the original unchanged",
          ),
      ).option(
        "--no-gc-root",
        "do not register GC roots for the store paths that the file refers to",
      ),
    ),
    "fixelf fix ./python3.12 --dry-run",
  ).action((paths: string[], flags: FixFlags) =>
    run(flags, async (output) => {
      const { colors, print, say } = output;
      const signal = untilInterrupted();
      const { getHint, neighboursHint, outcomeText, planText, undoHint } = await import(
        "../report/outcome.js"
      );
      const verbose = flags.verbose ?? false;
      const { planned, getting } = await planAll(paths, flags, signal, output);
      if (planned === null) return exitCodes.findings;
      if (signal.aborted) {
        await getting?.giveUp();
        return exitCodes.interrupted;
      }
      if (flags.dryRun) {
        const document = { files: planned.files.map(withoutHandle), ...getDocument(getting) };
        print("plan", document, () => planText(planned.files, verbose, colors));
        return worst(planned.files.map(({ refusal }) => codeOfRefusal(refusal)));
      }
      const { apply } = await import("../fix/apply.js");
      const stage = `writing and checking ${planned.files.length} files`;
      const files = await withProgress(paths, stage, () => apply(planned, { signal })).finally(() =>
        getting?.keepOnlyUsed(),
      );
      const document = { files, ...getDocument(getting) };
      print("fix", document, () => outcomeText(files, verbose, colors));
      if (!flags.json && !flags.quiet && couldGet(files, flags))
        say(getHint(paths, choiceOptions(flags)));
      const mended = namedFor(written(planned.files, files), paths);
      if (!flags.json && !flags.quiet && mended.length > 0) {
        say(undoHint(mended, commonOptions(flags)));
        const left = await beside(planned, files);
        if (left !== null) say(neighboursHint(left, commonOptions(flags)));
      }
      return signal.aborted ? exitCodes.interrupted : worst(files.map(codeOfOutcome));
    }),
  );
}

/** With `--get`, what is missing is fetched first; `planned` is null if the user declines. */
async function planAll(
  paths: readonly string[],
  flags: FixFlags,
  signal: AbortSignal,
  output: Output,
): Promise<{ planned: FixPlan | null; getting: Getting | null }> {
  const { plan } = await import("../fix/plan.js");
  const planNow = () =>
    withProgress(paths, `reading ${paths.join(" ")}`, () => plan(paths, planOptions(flags)));
  const planned = await planNow();
  if (!flags.get) return { planned, getting: null };
  const { Getting } = await import("./getting.js");
  const getting = new Getting(flags, output, signal);
  return {
    planned: await getting.until(planned, missingOf, planNow),
    getting,
  };
}

function missingOf({ files }: FixPlan): MissingLibrary[] {
  return files.flatMap(({ missing }) => missing);
}

function planOptions(flags: FixFlags): PlanOptions {
  const { output, inPlace, keepStandIn, gcRoot } = flags;
  if (output === "-")
    throw new FixelfError(
      "usage",
      "--output takes a file, and writes no program to standard output",
    );
  return {
    ...choiceOptions(flags),
    ...(output !== undefined && { output }),
    ...(inPlace !== undefined && { inPlace }),
    ...(keepStandIn !== undefined && { keepStandIn }),
    gcRoot,
  };
}

/** Where bytes change, and how many; what they become is the addon's business. */
function withoutHandle({ layout, ...file }: FilePlan): PlannedFile {
  return {
    ...file,
    layout: layout && {
      oldSize: layout.oldSize,
      newSize: layout.newSize,
      ranges: layout.ranges,
    },
  };
}

/** Whether --get would fetch something that a file lacks. */
function couldGet(files: readonly Outcome[], { get, root, store }: FixFlags): boolean {
  if (get || root !== undefined || store !== undefined) return false;
  return files.some(({ missing }) =>
    missing.some(({ soname, packages }) => packages.some((each) => each.soname === soname)),
  );
}

/** What is left to do beside the one program that was fixed; null if there were several. */
async function beside(
  { files: [file, ...others], root, store }: FixPlan,
  [outcome]: readonly Outcome[],
): Promise<Neighbours | null> {
  if (file === undefined || others.length > 0 || outcome?.outcome !== "fixed") return null;
  const { neighboursOf } = await import("../fix/beside.js");
  return neighboursOf(file, { root, store });
}

/** The files that undo can restore: a copy written elsewhere left its original alone. */
function written(files: readonly FilePlan[], outcomes: readonly Outcome[]): string[] {
  const fixed = new Set(
    outcomes.flatMap(({ outcome, path }) => (outcome === "fixed" ? [path] : [])),
  );
  return files
    .filter(({ path, host, output }) => host === output && fixed.has(path))
    .map(({ path }) => path);
}

/** The paths from the command line at or below which something was written. */
function namedFor(files: readonly string[], named: readonly string[]): string[] {
  return named.filter((path) => {
    const whole = path.replace(/(?<=.)\/+$/, "");
    const below = whole === "/" ? whole : `${whole}/`;
    return files.some((file) => file === whole || file.startsWith(below));
  });
}

function codeOfRefusal(refusal: FilePlan["refusal"]): number {
  if (refusal === null) return exitCodes.good;
  return refusal.failed ? exitCodes.failure : exitCodes.findings;
}

function codeOfOutcome({ outcome, remaining }: Outcome): number {
  if (outcome === "failed") return exitCodes.failure;
  return outcome === "refused" || remaining.length > 0 ? exitCodes.findings : exitCodes.good;
}
