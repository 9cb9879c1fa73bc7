// What stderr reports about the index. An indexing that is soon done is not worth mentioning.

import type { IndexEvent, Tell } from "../base/options.js";
import { writeFully } from "../base/write_fully.js";
import { line } from "../report/shown.js";
import { isTerminal } from "./terminal.js";

/** Milliseconds. */
const patience = 700;
const interval = 100;

/** For one command. */
export function indexTalk(): Tell {
  const started = now();
  let said = 0;
  return (event: IndexEvent) => {
    if (event.kind === "trouble") {
      writeFully(2, line`fixelf: ${event.message}\n`.text);
      return;
    }
    if (!isTerminal(2)) return;
    const at = now();
    const { done, total } = event;
    const isLast = done === total;
    if (at - started < patience || (at - said < interval && !(isLast && said > 0))) return;
    said = at;
    // Return to the start of the line, and clear it.
    writeFully(2, isLast ? "\r\u001b[K" : `\rIndexing the store: ${done} of ${total} paths`);
  };
}

/** Milliseconds since the process began. (`performance` would make Node compile everything that measures.) */
function now(): number {
  return process.uptime() * 1000;
}
