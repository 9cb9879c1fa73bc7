// What would be done, what was done, and how to undo it.

import type { ChoiceOptions, CommonOptions } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import type { Neighbours } from "../fix/beside.js";
import type { Edit, FilePlan, Outcome } from "../fix/outcome.js";
import type { UndoOutcome } from "../fix/undo.js";
import { outcomesInBrief, plansInBrief } from "./outcomes.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

/** Up to this many files, each is reported in full. */
const fewFiles = 3;

export function planText(files: readonly FilePlan[], verbose: boolean, colors: Colors): Shown {
  if (!verbose && files.length > fewFiles) return plansInBrief(files, colors);
  return inLines(files.map((file) => filePlanText(file, colors)));
}

function filePlanText(file: FilePlan, colors: Colors): Shown {
  const { path, host, output, edits, reasons, refusal, layout, storePaths } = file;
  if (refusal) {
    const state = refusal.failed ? "failed" : "would refuse";
    return line`${colors.red(state)}  ${path}\n  ${refusal.message}`;
  }
  if (edits.length === 0)
    return inLines([line`unchanged  ${path}`, ...reasonLines(reasons, colors)]);
  const lines = [line`${colors.yellow("would fix")}  ${colors.bold(path)}`];
  if (output !== host) lines.push(line`  output  ${output}`);
  lines.push(...edits.map(editText), ...reasonLines(reasons, colors));
  if (layout) {
    const bytes = layout.ranges.reduce((sum, range) => sum + range.size, 0);
    lines.push(
      line`  ${plural(bytes, "byte")} in ${plural(layout.ranges.length, "range")}; size ${layout.oldSize} → ${layout.newSize}`,
    );
    for (const range of layout.ranges)
      lines.push(line`    at 0x${range.offset.toString(16)}: ${plural(range.size, "byte")}`);
  }
  for (const storePath of storePaths) lines.push(line`  will point at ${storePath}`);
  return inLines(lines);
}

export function outcomeText(outcomes: readonly Outcome[], verbose: boolean, colors: Colors): Shown {
  if (!verbose && outcomes.length > fewFiles) return outcomesInBrief(outcomes, colors);
  return inLines(
    outcomes.map(({ path, outcome, verified, edits, reasons, remaining, error }) => {
      const good = outcome === "fixed" || outcome === "unchanged";
      const state = good ? colors.green(outcome) : colors.red(outcome);
      const check =
        outcome !== "fixed" ? "" : verified ? "  verified" : colors.yellow("  not verified");
      const lines = [line`${state}  ${colors.bold(path)}${check}`];
      if (error) lines.push(line`  ${error.message}`);
      const said = outcome === "fixed" ? "written, but will not start" : "will not start";
      for (const why of remaining) lines.push(line`  ${colors.yellow(said)}: ${why}`);
      lines.push(...edits.map(editText), ...reasonLines(reasons, colors));
      return inLines(lines);
    }),
  );
}

/** The command that undoes a fix: with the paths as they were named, not each file below them. */
export function undoHint(paths: readonly string[], options: CommonOptions): Shown {
  return line`Undo with: ${fixelfCommand("undo", paths, options)}`;
}

/** The command that gets what is missing; `options` are those of the fix that lacked it. */
export function getHint(paths: readonly string[], options: ChoiceOptions): Shown {
  return line`Get what is missing with: ${fixelfCommand("fix --get", paths, options)}`;
}

/** The command for what is left to do around a program that was fixed on its own. */
export function neighboursHint({ directory, lacking }: Neighbours, options: CommonOptions): Shown {
  const libraries = plural(
    lacking,
    "library beside it still lacks",
    "libraries beside it still lack",
  );
  return line`${libraries} others; fix the tree: ${fixelfCommand("fix", directory, options)}`;
}

export function undoText(
  outcomes: readonly UndoOutcome[],
  verbose: boolean,
  colors: Colors,
): Shown {
  if (!verbose && outcomes.length > fewFiles && outcomes.every(isRestored))
    return line`${colors.green("restored")}  ${plural(outcomes.length, "file")}`;
  return inLines(
    outcomes.map(({ path, outcome, error }) => {
      const state = outcome === "restored" ? colors.green(outcome) : colors.red(outcome);
      const why = error ? line`\n  ${error.message}` : "";
      return line`${state}  ${colors.bold(path)}${why}`;
    }),
  );
}

function isRestored({ outcome }: UndoOutcome): boolean {
  return outcome === "restored";
}

function editText({ what, from, to }: Edit): Shown {
  return line`  ${what}  ${from === null ? "(none)" : from} → ${to === "" ? "(none)" : to}`;
}

function reasonLines(reasons: readonly string[], colors: Colors): Shown[] {
  return reasons.map((reason) => line`  ${colors.dim(reason)}`);
}
