// What a person can paste into a shell.
import type { CommonOptions } from "./options.js";

/** One word, quoted only where it has to be. */
export function shellWord(text: string): string {
  return /^[\w./@%+:,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The same for fish, in whose single quotes a backslash counts. */
export function fishWord(text: string): string {
  return /^[\w./@+:,=-]+$/.test(text) ? text : `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** The fixelf command for paths, with the options under which they were looked at. */
export function fixelfCommand(
  command: "fix" | "fix --get" | "doctor" | "find" | "undo",
  paths: string | readonly string[],
  options: CommonOptions,
): string {
  const named = typeof paths === "string" ? [paths] : paths;
  const words = ["fixelf", command, ...named.map(shellWord)];
  for (const name of ["root", "store", "system"] as const) {
    const value = options[name];
    if (value !== undefined && value !== "") words.push(`--${name}`, shellWord(value));
  }
  return words.join(" ");
}
