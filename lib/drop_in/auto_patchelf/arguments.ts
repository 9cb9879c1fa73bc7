// The command line of nixpkgs' auto-patchelf, read as Python's argparse reads it: an option takes all words up to the
// next option, may be abbreviated as long as that is unambiguous, and the last of several wins.
// https://docs.python.org/3/library/argparse.html
import { FixelfError } from "../../base/errors.js";
import { asEntries, asPaths } from "./options.js";

/**
 * What the arguments request, under the names that the original prints. Paths have no "." and no doubled or trailing
 * slashes.
 */
export interface Request {
  /** Files to patch, and directories whose files are patched. */
  paths: string[];
  /** Where to look for libraries: files, and directories without their subdirectories. */
  libs: string[];
  /** Come first in the search path of every program. */
  runtimeDependencies: string[];
  /** Come last in every search path. */
  appendRpaths: string[];
  /** Globs (fnmatch) for libraries that may stay missing. */
  ignoreMissing: string[];
  /** Whether `paths` are searched below their first level. */
  recursive: boolean;
  /** Whether libc's libraries go into the search path too. */
  keepLibc: boolean;
  /** Whether files in `paths` may serve as libraries. */
  addExisting: boolean;
  /** Whether $ORIGIN entries are kept even without `addExisting`. */
  preserveOrigin: boolean;
  /** Whether directories below the path that a file was found under are expressed relative to $ORIGIN. */
  relativizeRpath: boolean;
  /** Whether stdout gets one JSON object per event instead of text. */
  structuredLogs: boolean;
  /** Patchelf options for every file that is changed. */
  extraArgs: string[];
}

type Key = keyof Request;
type ListKey = { [K in Key]: Request[K] extends string[] ? K : never }[Key];
type FlagKey = Exclude<Key, ListKey>;

interface Option {
  name: string;
  help: string;
  /** A list takes words, "rest" takes all the remaining ones, a flag sets its key to a value. */
  takes:
    | { kind: "list" | "rest"; key: ListKey; read: (words: string[]) => string[] }
    | { kind: "flag"; key: FlagKey; value: boolean }
    | { kind: "help" };
}

const options: readonly Option[] = [
  list("--paths", "paths", "files and directories to patch (required)"),
  list("--libs", "libs", "files and directories to take libraries from; not recursive"),
  list(
    "--runtime-dependencies",
    "runtimeDependencies",
    "directories to search first, by programs",
    asEntries,
  ),
  list("--append-rpaths", "appendRpaths", "directories to search last, by every file", asEntries),
  list("--ignore-missing", "ignoreMissing", "globs of libraries that may stay missing", asIs),
  flag("--no-recurse", "recursive", false, "patch only the first level of each directory"),
  flag("--keep-libc", "keepLibc", true, "put the directories of libc's libraries in as well"),
  flag("--ignore-existing", "addExisting", false, "take no libraries from the paths to patch"),
  flag("--preserve-origin", "preserveOrigin", true, "keep $ORIGIN also with --ignore-existing"),
  flag(
    "--relativize-rpath",
    "relativizeRpath",
    true,
    "name what is below the same path by $ORIGIN",
  ),
  flag("--structured-logs", "structuredLogs", true, "write events to stdout, as JSON lines"),
  {
    name: "--extra-args",
    help: "options of patchelf for every file that is changed; takes all that follows",
    takes: { kind: "rest", key: "extraArgs", read: asIs },
  },
  { name: "--help", help: "show this help", takes: { kind: "help" } },
];

function asIs(words: string[]): string[] {
  return words;
}

function list(
  name: string,
  key: ListKey,
  help: string,
  read: (words: string[]) => string[] = asPaths,
): Option {
  return { name, help, takes: { kind: "list", key, read } };
}

function flag(name: string, key: FlagKey, value: boolean, help: string): Option {
  return { name, help, takes: { kind: "flag", key, value } };
}

/**
 * What the arguments request, or null if they ask for help.
 * @throws FixelfError `usage`
 */
export function parseArguments(given: readonly string[]): Request | null {
  const request = nothingAsked();
  const unrecognized: string[] = [];
  // What follows "--" are positional arguments, and there are none.
  const end = given.indexOf("--");
  const words = end === -1 ? given : given.slice(0, end);
  let hasPaths = false;
  for (let at = 0; at < words.length; ) {
    const word = words[at++] as string;
    const { option, value } = optionOf(word);
    if (option === null) {
      unrecognized.push(word);
      continue;
    }
    const { takes } = option;
    if (takes.kind === "help") return null;
    if (takes.kind === "flag") {
      if (value !== null)
        throw wrong(`argument ${option.name}: ignored explicit argument '${value}'`);
      request[takes.key] = takes.value;
      continue;
    }
    const end = value !== null ? at : takes.kind === "rest" ? words.length : endOfList(words, at);
    const values = value !== null ? [value] : words.slice(at, end);
    at = end;
    request[takes.key] = takes.read(values);
    hasPaths ||= takes.key === "paths";
  }
  if (!hasPaths) throw wrong("the following arguments are required: --paths");
  unrecognized.push(...given.slice(words.length));
  if (unrecognized.length > 0) throw wrong(`unrecognized arguments: ${unrecognized.join(" ")}`);
  return request;
}

function nothingAsked(): Request {
  return {
    paths: [],
    libs: [],
    runtimeDependencies: [],
    appendRpaths: [],
    ignoreMissing: [],
    recursive: true,
    keepLibc: false,
    addExisting: true,
    preserveOrigin: false,
    relativizeRpath: false,
    structuredLogs: false,
    extraArgs: [],
  };
}

/** The option that a word names, in full or abbreviated, with the value after "=". */
function optionOf(word: string): { option: Option | null; value: string | null } {
  if (word === "-h") return optionOf("--help");
  if (!word.startsWith("--")) return { option: null, value: null };
  const [name = "", ...rest] = word.split("=");
  const value = rest.length > 0 ? rest.join("=") : null;
  const exact = options.find((option) => option.name === name);
  const fitting = exact ? [exact] : options.filter((option) => option.name.startsWith(name));
  if (fitting.length > 1) {
    const names = fitting.map((option) => option.name).join(", ");
    throw wrong(`ambiguous option: ${word} could match ${names}`);
  }
  return { option: fitting[0] ?? null, value };
}

/** Where the words of a list end: at the next option. */
function endOfList(words: readonly string[], start: number): number {
  const end = words.findIndex((word, at) => at >= start && !isValue(word));
  return end === -1 ? words.length : end;
}

/** argparse treats negative numbers, and anything with a space in it, as values. */
function isValue(word: string): boolean {
  if (!word.startsWith("-") || word === "-") return true;
  if (optionOf(word).option !== null) return false;
  return /^-(\d+|\d*\.\d+)$/.test(word) || word.includes(" ");
}

function wrong(message: string): FixelfError {
  return new FixelfError("usage", message);
}

/** The usage line and a line for each option. */
export function helpText(): string {
  const width = Math.max(...options.map(({ name }) => name.length)) + 2;
  const lines = options.map(({ name, help }) => `  ${name.padEnd(width)}${help}`);
  return [usageLine(), "", "options:", ...lines].join("\n");
}

export function usageLine(): string {
  return "usage: fixelf auto-patchelf --paths [PATH ...] [--libs [PATH ...]] [options]";
}
