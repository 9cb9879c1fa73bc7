// What a watch tells, one line for each.
import { shellWord } from "../base/shell.js";
import type { WatchEvent, WatchOutcome } from "../watch/outcome.js";
import type { Lines } from "./documents.js";
import { type Colors, jsonText, plural, printable } from "./text.js";

/** One line, however much there is to say: more of it is in the JSON. */
export function watchLine(outcome: WatchOutcome, colors: Colors): string {
  const { path, outcome: state, verified, edits, remaining, error } = outcome;
  const good = state === "fixed" || state === "would-fix";
  const words = [(good ? colors.green : colors.red)(state), colors.bold(printable(path))];
  if (state === "fixed") words.push(verified ? "verified" : colors.yellow("not verified"));
  if (good) words.push(edits.map(({ what }) => what).join(", "));
  for (const why of remaining) words.push(`will not start: ${printable(why)}`);
  if (error) words.push(printable(`${error.message}${otherWays(outcome)}`));
  return words.join("  ");
}

/** A file that can't be changed can still be run. */
function otherWays({ outcome, error, path }: WatchOutcome): string {
  if (outcome !== "refused" || error?.code !== "unsupported") return "";
  const word = shellWord(path);
  return `; run it as it is with: fixelf run ${word}, or see: fixelf env ${word}`;
}

/** One JSON object a line, `path` first. */
export function watchRecord(outcome: Lines["watch"]): string {
  const { path, ...rest } = outcome;
  return jsonText({ path, ...rest });
}

export function watchTalk(event: WatchEvent): string {
  switch (event.kind) {
    case "watching":
      return `watching ${printable(event.path)} (inotify)`;
    case "waiting":
      return `${printable(event.path)} is not there: waiting for it`;
    case "overflow":
      return "the kernel's event queue overflowed: checking everything again";
    case "unwatched":
      return (
        `${printable(event.path)} and possibly other directories cannot be watched; they are checked every ` +
        `${event.seconds} seconds instead: ${printable(event.message)}`
      );
    case "passed-over":
      return `${printable(event.path)}: ${plural(event.files, "file")} passed over, for ${event.machines.join(" and ")}, which nothing here runs`;
    case "trouble":
      return `${printable(event.path)}: ${printable(event.message)}`;
  }
}
