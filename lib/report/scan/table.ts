// One line a file, for people.
import { type Colors, printable } from "../text.js";
import type { Selection } from "./format.js";

export function table(colors: Colors) {
  return async function* (selections: AsyncIterable<Selection>): AsyncGenerator<string> {
    let header = true;
    for await (const { batch, rows } of selections) {
      const lines = header ? [colors.bold(line("machine", "type", "path"))] : [];
      header = false;
      // Standard error names what could not be read.
      for (const row of rows.filter((row) => batch.value("error", row) === null)) {
        const [machine, type, path, soname] = ["machine", "type", "path", "soname"].map((name) =>
          batch.value(name, row),
        ) as [string, string, string, string | null];
        const isNamed = soname === null || path.endsWith(`/${soname}`);
        const also = isNamed ? "" : `  ${colors.dim(`soname ${printable(soname)}`)}`;
        lines.push(line(machine, type, printable(path)) + also);
      }
      if (lines.length > 0) yield `${lines.join("\n")}\n`;
    }
  };
}

function line(machine: string, type: string, path: string): string {
  return `${machine.padEnd(9)} ${type.padEnd(14)} ${path}`;
}
