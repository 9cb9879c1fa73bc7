// What a user can paste into a shell.
import { bytesOf, likeEscape } from "./bytes.js";
import type { ChoiceOptions } from "./options.js";

/** One word, quoted only if necessary; characters that no one could read or type are in octal (POSIX.1-2024, 2.2.4). */
export function shellWord(text: string): string {
  if (isSafe(text) || text.search(unreadable()) === -1) return scriptWord(text);
  const toBeQuoted = new RegExp(`(${unreadable().source})|[\\\\']`, "gu");
  const quoted = text.replace(toBeQuoted, (found, hidden) =>
    hidden === undefined ? `\\${found}` : inOctal(hidden),
  );
  return `$'${quoted}'`;
}

/** The same, byte for byte, for a file that a shell reads: not every shell knows octal. */
export function scriptWord(text: string): string {
  return isSafe(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function isSafe(text: string): boolean {
  return /^[\w./@%+:,=-]+$/.test(text);
}

/**
 * Control and format characters, line separators, bytes that are not UTF-8, and what would be spelled out in the text
 * that shows the command (bytes.ts). Made only when needed: V8 reads a pattern as soon as it is made, and takes a
 * tenth of the time of a short command for these categories.
 */
function unreadable(): RegExp {
  return new RegExp(String.raw`[\p{C}\p{Zl}\p{Zp}]|${likeEscape}`, "gu");
}

function inOctal(character: string): string {
  return Array.from(bytesOf(character), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(
    "",
  );
}

/** The same for fish, where a backslash is special inside single quotes. */
export function fishWord(text: string): string {
  return /^[\w./@+:,=-]+$/.test(text) ? text : `'${text.replace(/[\\']/g, "\\$&")}'`;
}

type Command = "fix" | "run" | "env" | "doctor" | "find" | "undo";

/** The fixelf command for paths or names, with the options that were given. */
export function fixelfCommand(
  command: Command | `${Command} --get` | "fix --in-place",
  paths: string | readonly string[],
  options: ChoiceOptions,
): string {
  const named = typeof paths === "string" ? [paths] : paths;
  const words: string[] = [];
  for (const name of ["root", "store", "system"] as const) {
    const value = options[name];
    if (value !== undefined && value !== "") words.push(`--${name}`, shellWord(value));
  }
  if (options.program !== undefined && /^(fix|env|doctor)\b/.test(command))
    words.push("--for", shellWord(options.program));
  if (options.interpreter !== undefined)
    words.push("--interpreter", shellWord(options.interpreter));
  for (const directory of options.libraryDirectories ?? [])
    words.push("--lib", shellWord(directory));
  for (const glob of options.ignoreMissing ?? []) words.push("--ignore-missing", shellWord(glob));
  const operands = named.map(operandWord);
  // What follows the program to run belongs to that program.
  const all = command.startsWith("run") ? [...words, ...operands] : [...operands, ...words];
  return ["fixelf", command, ...all].join(" ");
}

/** An operand must not begin like an option. */
function operandWord(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}
