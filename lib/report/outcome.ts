// What would be done, what was done, and how to take it back.

import type { ChoiceOptions, CommonOptions } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import type { Neighbours } from "../fix/beside.js";
import type { Edit, FilePlan, Outcome } from "../fix/outcome.js";
import type { UndoOutcome } from "../fix/undo.js";
import { outcomesInBrief, plansInBrief } from "./outcomes.js";
import { type Colors, plural, printable } from "./text.js";

/** So many files are each told in full. */
const fewFiles = 3;

export function planText(files: readonly FilePlan[], verbose: boolean, colors: Colors): string {
  if (!verbose && files.length > fewFiles) return plansInBrief(files, colors);
  return files.map((file) => filePlanText(file, colors)).join("\n");
}

function filePlanText(file: FilePlan, colors: Colors): string {
  const { path, host, output, edits, reasons, refusal, layout, storePaths } = file;
  if (refusal) {
    const state = refusal.failed ? "failed" : "would refuse";
    return `${colors.red(state)}  ${printable(path)}\n  ${printable(refusal.message)}`;
  }
  if (edits.length === 0)
    return [`unchanged  ${printable(path)}`, ...reasonLines(reasons, colors)].join("\n");
  const lines = [`${colors.yellow("would fix")}  ${colors.bold(printable(path))}`];
  if (output !== host) lines.push(`  output  ${printable(output)}`);
  lines.push(...edits.map(editText), ...reasonLines(reasons, colors));
  if (layout) {
    const bytes = layout.ranges.reduce((sum, range) => sum + range.size, 0);
    lines.push(
      `  ${plural(bytes, "byte")} in ${plural(layout.ranges.length, "range")}; size ${layout.oldSize} → ${layout.newSize}`,
    );
    for (const range of layout.ranges)
      lines.push(`    at 0x${range.offset.toString(16)}: ${plural(range.size, "byte")}`);
  }
  for (const storePath of storePaths) lines.push(`  will point at ${printable(storePath)}`);
  return lines.join("\n");
}

export function outcomeText(
  outcomes: readonly Outcome[],
  verbose: boolean,
  colors: Colors,
): string {
  if (!verbose && outcomes.length > fewFiles) return outcomesInBrief(outcomes, colors);
  return outcomes
    .map(({ path, outcome, verified, edits, reasons, remaining, error }) => {
      const good = outcome === "fixed" || outcome === "unchanged";
      const state = good ? colors.green(outcome) : colors.red(outcome);
      const check =
        outcome !== "fixed" ? "" : verified ? "  verified" : colors.yellow("  not verified");
      const lines = [`${state}  ${colors.bold(printable(path))}${check}`];
      if (error) lines.push(`  ${printable(error.message)}`);
      const said = outcome === "fixed" ? "written, but will not start" : "will not start";
      for (const why of remaining) lines.push(`  ${colors.yellow(said)}: ${printable(why)}`);
      lines.push(...edits.map(editText), ...reasonLines(reasons, colors));
      return lines.join("\n");
    })
    .join("\n");
}

/** The command that takes a fix back: the paths as they were named, not each file below them. */
export function undoHint(paths: readonly string[], options: CommonOptions): string {
  return printable(`Undo with: ${fixelfCommand("undo", paths, options)}`);
}

/** The command that gets what is missing; `options` are those of the fix that lacked it. */
export function getHint(paths: readonly string[], options: ChoiceOptions): string {
  return printable(`Get what is missing with: ${fixelfCommand("fix --get", paths, options)}`);
}

/** The command for what is left to do in the tree of a program that was fixed alone. */
export function neighboursHint({ directory, lacking }: Neighbours, options: CommonOptions): string {
  const libraries = plural(
    lacking,
    "library beside it still lacks",
    "libraries beside it still lack",
  );
  return printable(
    `${libraries} others; fix the tree: ${fixelfCommand("fix", directory, options)}`,
  );
}

export function undoText(
  outcomes: readonly UndoOutcome[],
  verbose: boolean,
  colors: Colors,
): string {
  if (!verbose && outcomes.length > fewFiles && outcomes.every(isRestored))
    return `${colors.green("restored")}  ${plural(outcomes.length, "file")}`;
  return outcomes
    .map(({ path, outcome, error }) => {
      const state = outcome === "restored" ? colors.green(outcome) : colors.red(outcome);
      const why = error ? `\n  ${printable(error.message)}` : "";
      return `${state}  ${colors.bold(printable(path))}${why}`;
    })
    .join("\n");
}

function isRestored({ outcome }: UndoOutcome): boolean {
  return outcome === "restored";
}

function editText({ what, from, to }: Edit): string {
  return `  ${what}  ${from === null ? "(none)" : printable(from)} → ${to === "" ? "(none)" : printable(to)}`;
}

function reasonLines(reasons: readonly string[], colors: Colors): string[] {
  return reasons.map((reason) => `  ${colors.dim(printable(reason))}`);
}
