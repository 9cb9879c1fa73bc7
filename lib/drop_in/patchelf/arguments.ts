// patchelf's command line. Options and file names may be mixed; what is no option is a file name.
// Nothing is loaded here: most invocations only print.
import type { FixelfError } from "../../base/errors.js";
import { failure } from "./failure.js";
import { conflictIn, isPageSize, type PatchelfOptions } from "./options.js";

/** What can be printed of a file. */
export type Question = "interpreter" | "osAbi" | "soname" | "rpath" | "executableStack" | "needed";

/** What one invocation asks of each of its files, as far as the command line says it. */
export interface Request {
  files: string[];
  questions: Set<Question>;
  options: Options;
  /** Files of old and new names. */
  nameMaps: string[];
  debug: boolean;
}

type Options = { -readonly [Name in keyof PatchelfOptions]: Writable<PatchelfOptions[Name]> };
type Writable<Value> = Value extends readonly (infer Each)[] ? Each[] : Value;

export type Invocation = { help: "asked" | "no arguments" } | { version: true } | Request;

/**
 * Parses what follows `patchelf`.
 * @param contentOf reads a file that stands for a value, `@FILE`
 * @throws FixelfError
 */
export function parse(words: readonly string[], contentOf: (file: string) => string): Invocation {
  if (words.length === 0) return { help: "no arguments" };
  const request = nothing();
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--help" || word === "-h") return { help: "asked" };
    if (word === "--version") return { version: true };
    const option = options.get(word);
    if (option === undefined) {
      request.files.push(word);
      continue;
    }
    const values = left.splice(0, option.words);
    if (values.length < option.words)
      throw wrong(option.words === 1 ? "missing argument" : "missing argument(s)");
    option.take(request, values, contentOf);
  }
  check(request);
  return request;
}

function nothing(): Request {
  return { files: [], questions: new Set(), options: {}, nameMaps: [], debug: false };
}

function check({ files, questions, options }: Request): void {
  if (files.length === 0) throw wrong("missing filename");
  const conflict = conflictIn(options);
  if (conflict !== null) throw wrong(conflict.words);
  if (options.output !== undefined && files.length !== 1)
    throw wrong("--output option only allowed with single input file");
  // Who asks for both to be printed and to be changed gets the former.
  if (questions.has("executableStack")) delete options.execstack;
}

interface Option {
  /** How many words it takes. */
  words: number;
  take(request: Request, words: string[], contentOf: (file: string) => string): void;
}

const options = new Map<string, Option>([
  ["--set-interpreter", setting((options, value) => (options.setInterpreter = value))],
  ["--interpreter", setting((options, value) => (options.setInterpreter = value))],
  ["--page-size", withWord(({ options }, word) => (options.pageSize = pageSize(word)))],
  ["--print-interpreter", asking("interpreter")],
  ["--print-os-abi", asking("osAbi")],
  ["--set-os-abi", setting((options, value) => (options.setOsAbi = value))],
  ["--print-soname", asking("soname")],
  ["--set-soname", setting((options, value) => (options.setSoname = value))],
  ["--print-rpath", asking("rpath")],
  ["--set-rpath", setting((options, value) => (options.setRpath = value.split(":")))],
  ["--add-rpath", setting((options, value) => (options.addRpath = value.split(":")))],
  ["--remove-rpath", flag("removeRpath")],
  ["--shrink-rpath", flag("shrinkRpath")],
  [
    "--allowed-rpath-prefixes",
    withWord(({ options }, word) => (options.allowedRpathPrefixes = word.split(":"))),
  ],
  ["--force-rpath", flag("forceRpath")],
  ["--print-needed", asking("needed")],
  ["--add-needed", adding("addNeeded")],
  ["--remove-needed", adding("removeNeeded")],
  [
    "--replace-needed",
    {
      words: 2,
      take({ options }, [from = "", to = ""]) {
        options.replaceNeeded ??= [];
        options.replaceNeeded.push({ from, to });
      },
    },
  ],
  ["--no-default-lib", flag("noDefaultLib")],
  ["--clear-symbol-version", adding("clearSymbolVersion")],
  ["--rename-dynamic-symbols", withWord(({ nameMaps }, file) => nameMaps.push(file))],
  ["--add-debug-tag", flag("addDebugTag")],
  ["--build-resolution-cache", flag("buildResolutionCache")],
  ["--print-execstack", asking("executableStack")],
  // Of both, the first of these counts.
  ["--clear-execstack", bare(({ options }) => (options.execstack = false))],
  ["--set-execstack", bare(({ options }) => (options.execstack ??= true))],
  // Headers are never sorted.
  ["--no-sort", bare(() => {})],
  ["--no-clobber-old-sections", bare(({ options }) => (options.clobberOldSections = false))],
  [
    "--output",
    setting((options, value) => {
      if (value === "") delete options.output;
      else options.output = value;
    }),
  ],
  ["--debug", bare((request) => (request.debug = true))],
]);

function bare(take: (request: Request) => void): Option {
  return { words: 0, take };
}

type Named<Value> = {
  [Name in keyof Options]-?: NonNullable<Options[Name]> extends Value ? Name : never;
}[keyof Options];

function flag(name: Exclude<Named<boolean>, "execstack" | "clobberOldSections">): Option {
  return bare(({ options }) => (options[name] = true));
}

function asking(question: Question): Option {
  return bare(({ questions }) => questions.add(question));
}

function setting(take: (options: Options, value: string) => void): Option {
  return withValue(({ options }, value) => take(options, value));
}

function adding(name: Named<string[]>): Option {
  return setting((options, value) => {
    options[name] ??= [];
    options[name].push(value);
  });
}

function withWord(take: (request: Request, word: string) => void): Option {
  return { words: 1, take: (request, [word = ""]) => take(request, word) };
}

/** Its value may stand in a file. */
function withValue(take: (request: Request, value: string) => void): Option {
  return {
    words: 1,
    take: (request, [word = ""], contentOf) =>
      take(request, word.startsWith("@") ? contentOf(word.slice(1)) : word),
  };
}

function pageSize(word: string): number {
  const size = Number.parseInt(word, 10);
  if (!isPageSize(size)) throw wrong("invalid argument to --page-size");
  return size;
}

function wrong(message: string): FixelfError {
  return failure("usage", message);
}
