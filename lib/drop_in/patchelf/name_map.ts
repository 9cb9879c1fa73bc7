// The file of --rename-dynamic-symbols: an old and a new name on each line.
import type { Renaming } from "../../addon/native.js";
import { readFileSync } from "../../base/disk.js";
import { failure, systemFailure } from "./failure.js";

/**
 * Reads it as far as the first empty line.
 * @throws FixelfError
 */
export function readNameMap(file: string): Renaming[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw systemFailure(`Cannot open map file ${file}`, cause);
  }
  return parseNameMap(text, file);
}

function parseNameMap(text: string, file: string): Renaming[] {
  const renamings = new Map<string, string>();
  for (const [at, line] of text.split("\n").entries()) {
    const [from, to] = line.split(/[ \t\v\f\r]+/).filter((name) => name !== "");
    if (from === undefined) break;
    const fail = (what: string) => failure("usage", `${file}:${at + 1}: ${what}`);
    if (to === undefined) throw fail("Map file line is missing the second element");
    if (renamings.has(from)) throw fail(`Name '${from}' appears twice in the map file`);
    if (from.includes("@") || to.includes("@"))
      throw fail(`Name pair contains version tag: ${from} ${to}`);
    renamings.set(from, to);
  }
  return [...renamings].map(([from, to]) => ({ from, to }));
}
