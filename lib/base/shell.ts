// What a person can paste into a shell.
import type { ChoiceOptions } from "./options.js";

/** One word, quoted only where it has to be. */
export function shellWord(text: string): string {
  return /^[\w./@%+:,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The same for fish, in whose single quotes a backslash counts. */
export function fishWord(text: string): string {
  return /^[\w./@+:,=-]+$/.test(text) ? text : `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** The fixelf command for paths or names, with the options that were given. */
export function fixelfCommand(
  command: "fix" | "fix --get" | "doctor" | "find" | "undo",
  paths: string | readonly string[],
  options: ChoiceOptions,
): string {
  const named = typeof paths === "string" ? [paths] : paths;
  const words = ["fixelf", command, ...named.map(operandWord)];
  for (const name of ["root", "store", "system"] as const) {
    const value = options[name];
    if (value !== undefined && value !== "") words.push(`--${name}`, shellWord(value));
  }
  if (options.interpreter !== undefined)
    words.push("--interpreter", shellWord(options.interpreter));
  for (const directory of options.libraryDirectories ?? [])
    words.push("--lib", shellWord(directory));
  for (const glob of options.ignoreMissing ?? []) words.push("--ignore-missing", shellWord(glob));
  return words.join(" ");
}

/** What begins like an option is none. */
function operandWord(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}
