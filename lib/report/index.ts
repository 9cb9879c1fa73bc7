// The index: where it is, and what is in it.
import type { IndexReport } from "../store/index/report.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

export function indexText(report: IndexReport, colors: Colors): Shown {
  const { path, storePaths, elfFiles, sonames, unsettled, size, refreshed } = report;
  const lines = [
    colors.bold(path),
    line`  ${plural(storePaths, "store path")}, ${plural(elfFiles, "library", "libraries")}, ${plural(sonames, "soname")}`,
    line`  ${(size / 1e6).toFixed(1)} MB, of ${refreshed.toISOString()}`,
  ];
  if (unsettled > 0)
    lines.push(
      line`  ${plural(unsettled, "store path is", "store paths are")} still being written, and not in it`,
    );
  return inLines(lines);
}
