// Resolutions as the addon returns them: native/addon/resolutions.hpp writes what is read here.
import { FixelfError, type FixelfErrorCode } from "../base/errors.js";
import type {
  IsaProblem,
  LoadProblem,
  MissingSymbol,
  Resolution,
  ResolvedLibrary,
  Tried,
  UnversionedLibrary,
  VersionProblem,
} from "./facts.js";
import type { NativeFiles, NativeResolutions, ResolveOptions } from "./native.js";

/**
 * Follows the loader's search in these files.
 * @throws FixelfError
 */
export async function resolveWith(
  files: NativeFiles,
  path: string,
  options: ResolveOptions = {},
): Promise<Resolution> {
  const [answer] = await resolveAllWith(files, [path], options);
  if (answer?.status !== "fulfilled") throw answer?.reason;
  return answer.value;
}

/** The same for many, on several threads, in the order of the paths; a rejection has a FixelfError. */
export async function resolveAllWith(
  files: NativeFiles,
  paths: readonly string[],
  options: ResolveOptions = {},
): Promise<PromiseSettledResult<Resolution>[]> {
  const { texts, numbers } = await files.resolve(paths, options);
  const tape = { texts, numbers, at: 0 };
  return paths.map(() => readAnswer(tape));
}

// Each record has its numbers side by side, the lengths of its lists last; then come the lists. Reading a record by
// position takes only one call: most are read before anything is optimised.
interface Tape extends NativeResolutions {
  at: number;
}

function readAnswer(tape: Tape): PromiseSettledResult<Resolution> {
  if (tape.numbers[tape.at++] === 1) return { status: "fulfilled", value: readResolution(tape) };
  const at = advance(tape, 3);
  const path = text(tape, at + 2);
  const reason = new FixelfError(text(tape, at) as FixelfErrorCode, text(tape, at + 1), {
    path: path === "" ? undefined : path,
  });
  return { status: "rejected", reason };
}

function readResolution(tape: Tape): Resolution {
  const at = advance(tape, 14);
  return {
    path: text(tape, at),
    interpreter: {
      path: textOrNull(tape, at + 1),
      found: boolean(tape, at + 2),
      assumed: boolean(tape, at + 3),
      reason: text(tape, at + 4),
    },
    libc: text(tape, at + 5) as Resolution["libc"],
    defaultDirectories: list(tape, number(tape, at + 6), readText),
    libraries: list(tape, number(tape, at + 7), readLibrary),
    versionProblems: list(tape, number(tape, at + 8), readVersionProblem),
    unversionedLibraries: list(tape, number(tape, at + 9), readUnversionedLibrary),
    isaProblems: list(tape, number(tape, at + 10), readIsaProblem),
    relrProblems: list(tape, number(tape, at + 11), readText),
    loadProblems: list(tape, number(tape, at + 12), readLoadProblem),
    missingSymbols: list(tape, number(tape, at + 13), readMissingSymbol),
  };
}

function readText(tape: Tape): string {
  return text(tape, advance(tape, 1));
}

function readLibrary(tape: Tape): ResolvedLibrary {
  const { texts, numbers } = tape;
  const at = advance(tape, 8);
  return {
    soname: texts[numbers[at] as number] as string,
    path: texts[numbers[at + 1] as number] as string | null,
    reason: texts[numbers[at + 2] as number] as string,
    neededBy: texts[numbers[at + 3] as number] as string,
    tried: list(tape, numbers[at + 7] as number, readTried),
    wrongMachineSeen: numbers[at + 4] === 1,
    optional: numbers[at + 5] === 1,
    kind: texts[numbers[at + 6] as number] as ResolvedLibrary["kind"],
  };
}

function readTried(tape: Tape): Tried {
  const at = advance(tape, 3);
  return {
    path: text(tape, at),
    code: text(tape, at + 1) as Tried["code"],
    why: text(tape, at + 2),
  };
}

function readVersionProblem(tape: Tape): VersionProblem {
  const at = advance(tape, 5);
  return {
    version: text(tape, at),
    library: text(tape, at + 1),
    providerPath: text(tape, at + 2),
    neededBy: text(tape, at + 3),
    weak: boolean(tape, at + 4),
  };
}

function readUnversionedLibrary(tape: Tape): UnversionedLibrary {
  const at = advance(tape, 3);
  return {
    library: text(tape, at),
    providerPath: text(tape, at + 1),
    neededBy: text(tape, at + 2),
  };
}

function readIsaProblem(tape: Tape): IsaProblem {
  const at = advance(tape, 2);
  return { path: text(tape, at), missing: number(tape, at + 1) };
}

function readLoadProblem(tape: Tape): LoadProblem {
  const at = advance(tape, 3);
  return { path: text(tape, at), why: text(tape, at + 1), opened: boolean(tape, at + 2) };
}

function readMissingSymbol(tape: Tape): MissingSymbol {
  const at = advance(tape, 4);
  return {
    symbol: text(tape, at),
    version: textOrNull(tape, at + 1),
    library: textOrNull(tape, at + 2),
    neededBy: text(tape, at + 3),
  };
}

/** Where a record with that many numbers begins; the tape advances past it. */
function advance(tape: Tape, numbers: number): number {
  const { at } = tape;
  tape.at += numbers;
  return at;
}

function number({ numbers }: Tape, at: number): number {
  return numbers[at] as number;
}

function boolean({ numbers }: Tape, at: number): boolean {
  return numbers[at] === 1;
}

function text({ texts, numbers }: Tape, at: number): string {
  return texts[numbers[at] as number] as string;
}

function textOrNull({ texts, numbers }: Tape, at: number): string | null {
  return texts[numbers[at] as number] ?? null;
}

function list<Item>(tape: Tape, length: number, read: (tape: Tape) => Item): Item[] {
  if (length === 0) return [];
  // No larger than necessary: an array that grows allocates room for sixteen items at once.
  const items = new Array<Item>(length);
  for (let index = 0; index < length; index++) items[index] = read(tape);
  return items;
}
