// Comma-separated values (RFC 4180): the columns as they are; lists as JSON, because names may contain any separator.
import { csvCell } from "../text.js";
import type { Selection } from "./format.js";

export async function* csv(selections: AsyncIterable<Selection>): AsyncGenerator<string> {
  let header = true;
  for await (const { batch, rows } of selections) {
    const names = batch.columns.map(({ name }) => name);
    let text = header ? `${names.join(",")}\r\n` : "";
    header = false;
    for (const row of rows)
      text += `${names.map((name) => csvCell(batch.value(name, row))).join(",")}\r\n`;
    if (text !== "") yield text;
  }
}
