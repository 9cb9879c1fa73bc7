// One Facts a line.
import { escapedJson } from "../text.js";
import type { Selection } from "./format.js";

export async function* ndjson(selections: AsyncIterable<Selection>): AsyncGenerator<string> {
  for await (const { batch, rows } of selections) {
    const lines = rows.map((row) => {
      const facts = batch.row(row);
      return escapedJson(JSON.stringify({ ...facts, entry: `0x${facts.entry.toString(16)}` }));
    });
    if (lines.length > 0) yield `${lines.join("\n")}\n`;
  }
}
