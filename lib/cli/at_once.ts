// Reads the arguments of a command that is answered in less time than it takes to load the parser for all commands.
import type { TalkFlags } from "./options.js";

export interface AtOnce {
  operands: string[];
  flags: TalkFlags;
}

/**
 * null if the arguments need that parser: for help, mistakes, a command's own options, and other ways to write options.
 * @param talks whether the command has --verbose and --quiet
 */
export function readAtOnce(words: readonly string[], talks: boolean): AtOnce | null {
  const operands: string[] = [];
  const flags: TalkFlags = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const next = words[at + 1];
    if (word === "--json") flags.json = true;
    else if (word === "--no-index") flags.index = false;
    else if (word === "--color") flags.color = true;
    else if (word === "--no-color") flags.color = false;
    else if (talks && (word === "--verbose" || word === "-v")) flags.verbose = true;
    else if (talks && (word === "--quiet" || word === "-q")) flags.quiet = true;
    else if (isPlaceFlag(word) && next !== undefined && !next.startsWith("-")) {
      flags[placeFlags[word]] = next;
      at++;
    } else if (word.startsWith("-") || word === "") return null;
    else operands.push(word);
  }
  return operands.length === 0 ? null : { operands, flags };
}

const placeFlags = { "--root": "root", "--store": "store", "--system": "system" } as const;

function isPlaceFlag(word: string): word is keyof typeof placeFlags {
  return Object.hasOwn(placeFlags, word);
}
