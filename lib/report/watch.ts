// What a watch reports, one line each.
import { shellWord } from "../base/shell.js";
import type { WatchEvent, WatchOutcome } from "../watch/outcome.js";
import type { Lines } from "./documents.js";
import { type Colors, joined, line, type Piece, type Shown } from "./shown.js";
import { jsonText, plural } from "./text.js";

/** One line, however much there is to say: the JSON has the rest. */
export function watchLine(outcome: WatchOutcome, colors: Colors): Shown {
  const { path, outcome: state, verified, edits, remaining, error } = outcome;
  const good = state === "fixed" || state === "would-fix";
  const words: Piece[] = [(good ? colors.green : colors.red)(state), colors.bold(path)];
  if (state === "fixed") words.push(verified ? "verified" : colors.yellow("not verified"));
  if (good) words.push(edits.map(({ what }) => what).join(", "));
  for (const why of remaining) words.push(`will not start: ${why}`);
  if (error) words.push(`${error.message}${otherWays(outcome)}`);
  return joined(words, "  ");
}

/** A file that cannot be changed can still be run. */
function otherWays({ outcome, error, path }: WatchOutcome): string {
  if (outcome !== "refused" || error?.code !== "unsupported") return "";
  const word = shellWord(path);
  return `; run it as it is with: fixelf run ${word}, or see: fixelf env ${word}`;
}

/** One JSON object per line, `path` first. */
export function watchRecord(outcome: Lines["watch"]): string {
  const { path, ...rest } = outcome;
  return jsonText({ path, ...rest });
}

export function watchTalk(event: WatchEvent): Shown {
  switch (event.kind) {
    case "watching":
      return line`watching ${event.path} (inotify)`;
    case "waiting":
      return line`${event.path} is not there: waiting for it`;
    case "overflow":
      return line`the kernel's event queue overflowed: checking everything again`;
    case "unwatched":
      return line`${event.path} and possibly other directories cannot be watched; they are checked every ${event.seconds} seconds instead: ${event.message}`;
    case "passed-over":
      return line`${event.path}: ${plural(event.files, "file")} passed over, for ${event.machines.join(" and ")}, which nothing here runs`;
    case "trouble":
      return line`${event.path}: ${event.message}`;
  }
}
