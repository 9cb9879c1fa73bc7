// patchelf's command line. Options and file names may be mixed; what is no option is a file name.
// Nothing is loaded here: most invocations only print.
import { PatchelfFailure } from "./failure.js";

/** What can be printed of a file. */
export type Question = "interpreter" | "osAbi" | "soname" | "rpath" | "executableStack" | "needed";

/** What one invocation asks of each of its files, as far as the command line says it. */
export interface Request {
  files: string[];
  questions: Set<Question>;
  interpreter: string | null;
  /** As the user spelled it. */
  osAbi: string | null;
  soname: string | null;
  /** Of several that are wanted the first of these counts. */
  rpath: { shrink: boolean; remove: boolean; set: boolean; add: boolean };
  /** Of `set` and `add`; colon-separated. */
  rpathValue: string;
  /** Of `shrink`; colon-separated. */
  allowedPrefixes: string;
  forceRpath: boolean;
  executableStack: { clear: boolean; set: boolean };
  removeNeeded: Set<string>;
  replaceNeeded: Map<string, string>;
  addNeeded: Set<string>;
  clearSymbolVersions: Set<string>;
  /** Files of old and new names. */
  nameMaps: string[];
  noDefaultLibraries: boolean;
  debugEntry: boolean;
  resolutionCache: boolean;
  clearVacated: boolean;
  /** Bytes. */
  pageSize: number | null;
  output: string | null;
  debug: boolean;
}

export type Invocation = { help: "asked" | "no arguments" } | { version: true } | Request;

/**
 * Parses what follows `patchelf`.
 * @param contentOf reads a file that stands for a value, `@FILE`
 * @throws PatchelfFailure
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
      throw new PatchelfFailure(option.words === 1 ? "missing argument" : "missing argument(s)");
    option.take(request, values, contentOf);
  }
  check(request);
  return request;
}

function nothing(): Request {
  return {
    files: [],
    questions: new Set(),
    interpreter: null,
    osAbi: null,
    soname: null,
    rpath: { shrink: false, remove: false, set: false, add: false },
    rpathValue: "",
    allowedPrefixes: "",
    forceRpath: false,
    executableStack: { clear: false, set: false },
    removeNeeded: new Set(),
    replaceNeeded: new Map(),
    addNeeded: new Set(),
    clearSymbolVersions: new Set(),
    nameMaps: [],
    noDefaultLibraries: false,
    debugEntry: false,
    resolutionCache: false,
    clearVacated: true,
    pageSize: null,
    output: null,
    debug: false,
  };
}

function check({ files, forceRpath, resolutionCache, output, rpath }: Request): void {
  if (files.length === 0) throw new PatchelfFailure("missing filename");
  if (forceRpath && resolutionCache)
    throw new PatchelfFailure("--build-resolution-cache cannot be combined with --force-rpath");
  if (output !== null && files.length !== 1)
    throw new PatchelfFailure("--output option only allowed with single input file");
  if (rpath.set && rpath.add)
    throw new PatchelfFailure("--set-rpath option not allowed with --add-rpath");
}

interface Option {
  /** How many words it takes. */
  words: number;
  take(request: Request, words: string[], contentOf: (file: string) => string): void;
}

const options = new Map<string, Option>([
  [
    "--set-interpreter",
    withValue((request, value) => {
      request.interpreter = value;
    }),
  ],
  [
    "--interpreter",
    withValue((request, value) => {
      request.interpreter = value;
    }),
  ],
  [
    "--page-size",
    withWord((request, word) => {
      request.pageSize = pageSize(word);
    }),
  ],
  ["--print-interpreter", asking("interpreter")],
  ["--print-os-abi", asking("osAbi")],
  [
    "--set-os-abi",
    withValue((request, value) => {
      request.osAbi = value;
    }),
  ],
  ["--print-soname", asking("soname")],
  [
    "--set-soname",
    withValue((request, value) => {
      request.soname = value;
    }),
  ],
  ["--print-rpath", asking("rpath")],
  [
    "--set-rpath",
    withValue((request, value) => {
      request.rpath.set = true;
      request.rpathValue = value;
    }),
  ],
  [
    "--add-rpath",
    withValue((request, value) => {
      request.rpath.add = true;
      request.rpathValue = value;
    }),
  ],
  [
    "--remove-rpath",
    flag(({ rpath }) => {
      rpath.remove = true;
    }),
  ],
  [
    "--shrink-rpath",
    flag(({ rpath }) => {
      rpath.shrink = true;
    }),
  ],
  [
    "--allowed-rpath-prefixes",
    withWord((request, word) => {
      request.allowedPrefixes = word;
    }),
  ],
  [
    "--force-rpath",
    flag((request) => {
      request.forceRpath = true;
    }),
  ],
  ["--print-needed", asking("needed")],
  ["--add-needed", withValue(({ addNeeded }, value) => addNeeded.add(value))],
  ["--remove-needed", withValue(({ removeNeeded }, value) => removeNeeded.add(value))],
  [
    "--replace-needed",
    { words: 2, take: ({ replaceNeeded }, [from = "", to = ""]) => replaceNeeded.set(from, to) },
  ],
  [
    "--no-default-lib",
    flag((request) => {
      request.noDefaultLibraries = true;
    }),
  ],
  [
    "--clear-symbol-version",
    withValue(({ clearSymbolVersions }, value) => clearSymbolVersions.add(value)),
  ],
  ["--rename-dynamic-symbols", withWord(({ nameMaps }, file) => nameMaps.push(file))],
  [
    "--add-debug-tag",
    flag((request) => {
      request.debugEntry = true;
    }),
  ],
  [
    "--build-resolution-cache",
    flag((request) => {
      request.resolutionCache = true;
    }),
  ],
  ["--print-execstack", asking("executableStack")],
  [
    "--clear-execstack",
    flag(({ executableStack }) => {
      executableStack.clear = true;
    }),
  ],
  [
    "--set-execstack",
    flag(({ executableStack }) => {
      executableStack.set = true;
    }),
  ],
  // Headers are never sorted.
  ["--no-sort", flag(() => {})],
  [
    "--no-clobber-old-sections",
    flag((request) => {
      request.clearVacated = false;
    }),
  ],
  [
    "--output",
    withValue((request, value) => {
      request.output = value === "" ? null : value;
    }),
  ],
  [
    "--debug",
    flag((request) => {
      request.debug = true;
    }),
  ],
]);

function flag(take: (request: Request) => void): Option {
  return { words: 0, take };
}

function asking(question: Question): Option {
  return flag(({ questions }) => questions.add(question));
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
  // A segment's alignment is a power of two (gABI, p_align).
  if (!(size > 0) || size > 2 ** 30 || (size & (size - 1)) !== 0)
    throw new PatchelfFailure("invalid argument to --page-size");
  return size;
}
