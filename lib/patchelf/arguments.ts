// patchelf's command line. Options and file names may be mixed; what is no option is a file name; the
// options for one thing override each other as they do in patchelf.
import { type SearchPathChange, split } from "../edit/search_path.js";
import type { Renaming } from "../native.js";
import { PatchelfFailure } from "./failure.js";
import { parseNameMap } from "./name_map.js";

/** What can be printed of a file. */
export type Question = "interpreter" | "osAbi" | "soname" | "rpath" | "executableStack" | "needed";

/** What one invocation asks of each of its files. */
export interface Request {
  files: string[];
  questions: Set<Question>;
  interpreter: string | null;
  /** As the user spelled it. */
  osAbi: string | null;
  soname: string | null;
  searchPath: SearchPathChange | null;
  executableStack: boolean | null;
  removeNeeded: Set<string>;
  replaceNeeded: Map<string, string>;
  addNeeded: Set<string>;
  clearSymbolVersions: Set<string>;
  renameSymbols: Renaming[] | null;
  noDefaultLibraries: boolean;
  debugEntry: boolean;
  resolutionCache: boolean;
  /** Bytes. */
  pageSize: number | null;
  output: string | null;
  debug: boolean;
}

export type Invocation = { help: "asked" | "no arguments" } | { version: true } | Request;

/** Reads the files that arguments name, whole; throws PatchelfFailure. */
export interface Reader {
  /** `@FILE`, in place of a value. */
  value(file: string): string;
  /** The file of --rename-dynamic-symbols. */
  nameMap(file: string): string;
}

/**
 * Parses what follows `patchelf`.
 * @throws PatchelfFailure
 */
export function parse(words: readonly string[], read: Reader): Invocation {
  if (words.length === 0) return { help: "no arguments" };
  const draft = new Draft(read);
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--help" || word === "-h") return { help: "asked" };
    if (word === "--version") return { version: true };
    const option = options.get(word);
    if (option === undefined) {
      draft.request.files.push(word);
      continue;
    }
    const values = left.splice(0, option.values);
    if (values.length < option.values)
      throw new PatchelfFailure(option.values === 1 ? "missing argument" : "missing argument(s)");
    option.take(draft, values);
  }
  return draft.finish();
}

interface Option {
  /** How many words it takes. */
  values: number;
  take(draft: Draft, values: string[]): void;
}

/** A request on its way, and what is only known to be meant when all words are read. */
class Draft {
  readonly request: Request = {
    files: [],
    questions: new Set(),
    interpreter: null,
    osAbi: null,
    soname: null,
    searchPath: null,
    executableStack: null,
    removeNeeded: new Set(),
    replaceNeeded: new Map(),
    addNeeded: new Set(),
    clearSymbolVersions: new Set(),
    renameSymbols: null,
    noDefaultLibraries: false,
    debugEntry: false,
    resolutionCache: false,
    pageSize: null,
    output: null,
    debug: false,
  };
  readonly rpath = { set: false, add: false, remove: false, shrink: false, force: false };
  rpathValue = "";
  allowedPrefixes: string[] = [];
  readonly executableStack = { set: false, clear: false };

  constructor(readonly read: Reader) {}

  /** An option's value, which may stand in a file. */
  value(word: string): string {
    return word.startsWith("@") ? this.read.value(word.slice(1)) : word;
  }

  finish(): Request {
    const { request, rpath } = this;
    if (request.files.length === 0) throw new PatchelfFailure("missing filename");
    if (rpath.force && request.resolutionCache)
      throw new PatchelfFailure("--build-resolution-cache cannot be combined with --force-rpath");
    if (request.output !== null && request.files.length !== 1)
      throw new PatchelfFailure("--output option only allowed with single input file");
    if (rpath.set && rpath.add)
      throw new PatchelfFailure("--set-rpath option not allowed with --add-rpath");
    request.searchPath = this.searchPath();
    request.executableStack = this.stack();
    return request;
  }

  private searchPath(): SearchPathChange | null {
    const { shrink, remove, set, add, force } = this.rpath;
    const tag = force ? "rpath" : "runpath";
    if (shrink) return { shrink: { allowedPrefixes: this.allowedPrefixes }, tag };
    if (remove) return { remove: true, tag };
    if (set) return { set: this.rpathValue, tag };
    return add ? { add: this.rpathValue, tag } : null;
  }

  private stack(): boolean | null {
    const { set, clear } = this.executableStack;
    if (this.request.questions.has("executableStack")) return null;
    return clear ? false : set ? true : null;
  }
}

const options = new Map<string, Option>(
  Object.entries({
    "--set-interpreter": withValue(({ request }, value) => {
      request.interpreter = value;
    }),
    "--interpreter": withValue(({ request }, value) => {
      request.interpreter = value;
    }),
    "--page-size": withWord(({ request }, word) => {
      request.pageSize = pageSize(word);
    }),
    "--print-interpreter": asking("interpreter"),
    "--print-os-abi": asking("osAbi"),
    "--set-os-abi": withValue(({ request }, value) => {
      request.osAbi = value;
    }),
    "--print-soname": asking("soname"),
    "--set-soname": withValue(({ request }, value) => {
      request.soname = value;
    }),
    "--set-rpath": withValue((draft, value) => {
      draft.rpath.set = true;
      draft.rpathValue = value;
    }),
    "--add-rpath": withValue((draft, value) => {
      draft.rpath.add = true;
      draft.rpathValue = value;
    }),
    "--remove-rpath": flag(({ rpath }) => {
      rpath.remove = true;
    }),
    "--shrink-rpath": flag(({ rpath }) => {
      rpath.shrink = true;
    }),
    "--allowed-rpath-prefixes": withWord((draft, word) => {
      draft.allowedPrefixes = split(word);
    }),
    "--print-rpath": asking("rpath"),
    "--force-rpath": flag(({ rpath }) => {
      rpath.force = true;
    }),
    "--add-needed": withValue(({ request }, value) => request.addNeeded.add(value)),
    "--remove-needed": withValue(({ request }, value) => request.removeNeeded.add(value)),
    "--replace-needed": {
      values: 2,
      take: ({ request }, [from = "", to = ""]) => {
        request.replaceNeeded.set(from, to);
      },
    },
    "--print-needed": asking("needed"),
    "--no-default-lib": flag(({ request }) => {
      request.noDefaultLibraries = true;
    }),
    "--clear-symbol-version": withValue(({ request }, value) =>
      request.clearSymbolVersions.add(value),
    ),
    "--add-debug-tag": flag(({ request }) => {
      request.debugEntry = true;
    }),
    "--build-resolution-cache": flag(({ request }) => {
      request.resolutionCache = true;
    }),
    "--print-execstack": asking("executableStack"),
    "--clear-execstack": flag(({ executableStack }) => {
      executableStack.clear = true;
    }),
    "--set-execstack": flag(({ executableStack }) => {
      executableStack.set = true;
    }),
    "--rename-dynamic-symbols": withWord(({ request, read }, file) => {
      request.renameSymbols = [
        ...(request.renameSymbols ?? []),
        ...parseNameMap(read.nameMap(file), file),
      ];
    }),
    // Headers are never sorted and old sections never moved: there is nothing to switch off.
    "--no-sort": flag(() => {}),
    "--no-clobber-old-sections": flag(() => {}),
    "--output": withValue(({ request }, value) => {
      request.output = value === "" ? null : value;
    }),
    "--debug": flag(({ request }) => {
      request.debug = true;
    }),
  }),
);

function flag(take: (draft: Draft) => void): Option {
  return { values: 0, take };
}

function asking(question: Question): Option {
  return flag(({ request }) => request.questions.add(question));
}

function withWord(take: (draft: Draft, word: string) => void): Option {
  return { values: 1, take: (draft, [word = ""]) => take(draft, word) };
}

function withValue(take: (draft: Draft, value: string) => void): Option {
  return withWord((draft, word) => take(draft, draft.value(word)));
}

function pageSize(word: string): number {
  const size = Number.parseInt(word, 10);
  // A segment's alignment is a power of two (gABI, p_align).
  if (!(size > 0) || size > 2 ** 30 || (size & (size - 1)) !== 0)
    throw new PatchelfFailure("invalid argument to --page-size");
  return size;
}
