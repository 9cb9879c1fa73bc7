// What fixelf remembers about the files that it fixed.
import { dirname } from "node:path";
import { groupedBy } from "../base/grouped.js";
import { shellWord } from "../base/shell.js";
import type { KeptStorePath } from "../fix/gc_roots.js";
import type { Pruned, Remembered } from "../fix/records.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

type State = Remembered["records"][number]["state"];

/** What a state means if undo is not straightforward. */
const meaning: Partial<Record<State, string>> = {
  interrupted: "a fix was interrupted; undo restores the original",
  changed: "the file was changed after the fix, so the fix can't be undone",
  gone: "the file is not there; if it was moved, run undo on its new path",
  away: "the directory is not there either, as when a disk is not mounted",
  unknown: "the file or its record can't be read",
};

export function rememberedText({ records, gcRoots, failures }: Remembered, colors: Colors): Shown {
  if (records.length + gcRoots.length + failures.length === 0)
    return line`No file is recorded as fixed.`;
  const lines = records.map(({ path, state }) => recordLine(path, state, colors));
  lines.push(...gcRoots.flatMap((root) => rootLines(root, colors)));
  lines.push(...failureLines(failures, colors));
  for (const [state, text] of Object.entries(meaning))
    if (records.some((record) => record.state === state)) lines.push(line`${state}: ${text}`);
  lines.push(line`${plural(records.length, "file")}, ${plural(gcRoots.length, "GC root")}`);
  return inLines(lines);
}

export function prunedText(
  { records, gcRoots, away, failures }: Pruned,
  dryRun: boolean,
  colors: Colors,
): Shown {
  const done = dryRun ? "would remove" : "removed";
  return inLines([
    ...records.map(({ path, state }) => line`${done} the record of ${path}  ${colors.dim(state)}`),
    ...gcRoots.map(({ link }) => line`${done} the GC root ${link}`),
    ...awayLines(away),
    ...failureLines(failures, colors),
    line`${done} ${plural(records.length, "record")} and ${plural(gcRoots.length, "GC root")}`,
  ]);
}

function failureLines(failures: Remembered["failures"], colors: Colors): Shown[] {
  return failures.map(({ path, message }) => line`${colors.red("failed")}  ${path}: ${message}`);
}

/** For files whose directories do not exist. */
function awayLines(away: readonly string[]): Shown[] {
  if (away.length === 0) return [];
  const directories = groupedBy(away, (path) => dirname(path));
  return [
    ...directories.map((files) => {
      const [directory, count] = [dirname(files[0] as string), plural(files.length, "file")];
      return line`kept what is remembered of ${count} in ${directory}: it is not there, as when a disk is not mounted`;
    }),
    line`to forget it: fixelf prune --force ${directories.map(([file = ""]) => shellWord(dirname(file))).join(" ")}`,
  ];
}

function recordLine(path: string, state: State, colors: Colors): Shown {
  const color = state === "fixed" ? colors.green : colors.yellow;
  return line`${color(state)}  ${colors.bold(path)}`;
}

function rootLines({ link, storePath, files }: KeptStorePath, colors: Colors): Shown[] {
  const there = files.filter(({ isThere }) => isThere).length;
  const gone = files.length - there;
  const used =
    files.length === 0
      ? `for no fixed file, until you remove ${link}`
      : there === 0
        ? colors.yellow("for no file that is there")
        : `for ${plural(there, "file")}`;
  return [line`kept  ${storePath ?? link}  ${used}${gone > 0 ? `, ${gone} gone` : ""}`];
}
