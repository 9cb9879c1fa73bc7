// One line per file, for people.
import { type Colors, inLines, line } from "../shown.js";
import type { Selection } from "./format.js";

export function table(colors: Colors) {
  return async function* (selections: AsyncIterable<Selection>): AsyncGenerator<string> {
    let header = true;
    for await (const { batch, rows } of selections) {
      const lines = header ? [colors.bold(row("machine", "type", "path"))] : [];
      header = false;
      // Standard error names what could not be read.
      for (const at of rows.filter((at) => batch.value("error", at) === null)) {
        const [machine, type, path, soname] = ["machine", "type", "path", "soname"].map((name) =>
          batch.value(name, at),
        ) as [string, string, string, string | null];
        const isNamed = soname === null || path.endsWith(`/${soname}`);
        const also = isNamed ? "" : line`  ${colors.dim(`soname ${soname}`)}`;
        lines.push(line`${row(machine, type, path)}${also}`);
      }
      if (lines.length > 0) yield line`${inLines(lines)}\n`.text;
    }
  };
}

function row(machine: string, type: string, path: string): string {
  return `${machine.padEnd(9)} ${type.padEnd(14)} ${path}`;
}
