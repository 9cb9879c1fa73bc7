// Changing one file as patchelf's options ask.
import type { Facts } from "../../addon/facts.js";
import type { Renaming } from "../../addon/native.js";
import { readFileSync } from "../../base/disk.js";
import type { NoCache } from "../../edit/request.js";
import type { Request } from "./arguments.js";
import { write } from "./destination.js";
import { editsOf } from "./edits.js";
import { systemFailure } from "./failure.js";
import { parseNameMap } from "./name_map.js";

/** Two ways to be talked to: always, and with --debug. */
export interface Talk {
  say(text: string): void;
  debug(text: string): void;
}

/** @throws PatchelfFailure or FixelfError */
export async function change(
  file: string,
  facts: Facts,
  request: Request,
  { say, debug }: Talk,
): Promise<void> {
  const edits = editsOf(request, request.nameMaps.flatMap(readNameMap), facts, debug);
  const outcome = await write(file, request.output, edits);
  if (outcome === null) return;
  for (const reason of outcome.reasons) debug(reason);
  if (outcome.noCache !== null) say(noCacheText(outcome.noCache));
  debug(outcome.outcome === "changed" ? `writing ${request.output ?? file}` : "not modified");
}

function readNameMap(file: string): Renaming[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw systemFailure(`Cannot open map file ${file}`, cause);
  }
  return parseNameMap(text, file);
}

/** For patchelf no failure. */
function noCacheText(why: NoCache): string {
  return `warning: --build-resolution-cache: ${noCacheReasons[why]}; no cache written`;
}

const noCacheReasons: Record<NoCache, string> = {
  "no-dynamic-table": "no dynamic section (statically linked?)",
  "nothing-to-resolve": "no DT_NEEDED entries or run path to resolve",
  "nothing-found": "no libraries resolved against the run path",
};
