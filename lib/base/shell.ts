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

/** The fixelf command for a path, with the options under which the path was looked at. */
export function fixelfCommand(
  command: "fix" | "doctor" | "find",
  path: string,
  options: CommonOptions,
): string {
  const words = ["fixelf", command, shellWord(path)];
  for (const name of ["root", "store", "system"] as const) {
    const value = options[name];
    if (value !== undefined && value !== "") words.push(`--${name}`, shellWord(value));
  }
  return words.join(" ");
}
