// One Facts per line, as the walk wrote it; for what could not be read, its path and the reason.
import { isRead } from "../../scan/unreadable.js";
import { jsonLine } from "../text.js";
import type { Selection } from "./format.js";

export async function* ndjson(selections: AsyncIterable<Selection>): AsyncGenerator<Uint8Array> {
  for await (const { batch, rows } of selections) {
    const { values, offsets } = batch.lines;
    const parts: Uint8Array[] = [];
    let [from, to] = [0, 0];
    const flush = () => parts.push((values as Uint8Array).subarray(from, to));
    for (const row of rows) {
      if (!isRead(batch, row)) break; // they come last
      const start = offsets?.[row] as number;
      if (start !== to) {
        flush();
        from = start;
      }
      to = offsets?.[row + 1] as number;
    }
    flush();
    const unread = rows
      .filter((row) => !isRead(batch, row))
      .map((row) => {
        const names = ["path", "storePath", "error", "errorMessage"];
        const failure = names.map((name) => [name, batch.value(name, row)]);
        return Buffer.from(`${jsonLine(Object.fromEntries(failure))}\n`);
      });
    yield* [...parts, ...unread].filter(({ length }) => length > 0);
  }
}
