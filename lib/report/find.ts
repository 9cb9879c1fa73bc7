// Which store paths provide a soname, the best first.
import type { Providers } from "../store/find.js";
import { type Colors, printable } from "./text.js";

export function findText(found: ReadonlyMap<string, Providers>, colors: Colors): string {
  const lines: string[] = [];
  for (const [soname, { providers, rejected }] of found) {
    lines.push(colors.bold(printable(soname)));
    if (providers.length === 0) lines.push(`  ${colors.red("no store path has it")}`);
    for (const { path, why } of rejected)
      lines.push(
        `  ${colors.yellow("passed over")} ${printable(path)}  ${colors.dim(printable(why))}`,
      );
    for (const { path, reasons } of providers)
      lines.push(`  ${printable(path)}  ${colors.dim(printable(reasons.join("; ")))}`);
  }
  return lines.join("\n");
}
