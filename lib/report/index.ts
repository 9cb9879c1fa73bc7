// The index: where it is, and what is in it.
import type { IndexReport } from "../store/index/report.js";
import { type Colors, plural, printable } from "./text.js";

export function indexText(report: IndexReport, colors: Colors): string {
  const { path, storePaths, elfFiles, sonames, unsettled, size, refreshed } = report;
  const lines = [
    colors.bold(printable(path)),
    `  ${plural(storePaths, "store path")}, ${plural(elfFiles, "library", "libraries")}, ${plural(sonames, "soname")}`,
    `  ${(size / 1e6).toFixed(1)} MB, of ${refreshed.toISOString()}`,
  ];
  if (unsettled > 0)
    lines.push(
      `  ${plural(unsettled, "store path is", "store paths are")} still being written, and not in it`,
    );
  return lines.join("\n");
}
