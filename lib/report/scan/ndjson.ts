// One Facts a line; of what could not be read, its path and why.
import { jsonLine } from "../text.js";
import type { Selection } from "./format.js";

export async function* ndjson(selections: AsyncIterable<Selection>): AsyncGenerator<string> {
  for await (const { batch, rows } of selections) {
    const value = (name: string, row: number) => batch.value(name, row);
    const lines = rows.map((row) => {
      if (batch.failures.length > 0 && value("error", row) !== null) {
        const names = ["path", "storePath", "error", "errorMessage"];
        const failure = Object.fromEntries(names.map((name) => [name, value(name, row)]));
        return jsonLine(failure);
      }
      const facts = batch.row(row);
      return jsonLine({ ...facts, entry: `0x${facts.entry.toString(16)}` });
    });
    if (lines.length > 0) yield `${lines.join("\n")}\n`;
  }
}
