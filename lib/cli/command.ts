// Runs a command: its output, how its failure is reported, and the exit code.
import { codeOfSystem, FixelfError, type FixelfErrorCode } from "../base/errors.js";
import { shellWord } from "../base/shell.js";
import { writeFully } from "../base/write_fully.js";
import type { Documents } from "../report/documents.js";
import { toJson } from "../report/json.js";
import { type Colors, document, line, type Shown } from "../report/shown.js";
import { colorsFor, type TalkFlags } from "./options.js";

export const exitCodes = {
  good: 0,
  findings: 1,
  failure: 2,
  notRun: 126,
  notFound: 127,
  interrupted: 130,
} as const;

export interface Output {
  colors: Colors;
  /** Prints the document with --json, and otherwise the text. */
  print<Name extends keyof Documents>(
    name: Name,
    document: Documents[Name],
    text: () => Shown,
  ): void;
  /** Prints text on stdout, or nothing with --json or --quiet; false if stdout no longer has a reader. */
  show(shown: Shown): boolean;
  /** Writes a line to stderr. */
  say(shown: Shown): void;
}

/**
 * Runs the body and sets the exit code that it returns; reports what it throws.
 * @param codeOf the exit code for what it throws
 */
export async function run(
  flags: TalkFlags,
  body: (output: Output) => Promise<number>,
  codeOf: (code: FixelfErrorCode) => number = exitCodeOf,
): Promise<void> {
  const show = (shown: Shown) =>
    shown.isEmpty || flags.json || flags.quiet || writeFully(1, `${shown.text}\n`);
  try {
    process.exitCode = await body({
      colors: await colorsFor(flags),
      print(name, document, text) {
        if (flags.json) writeDocument(name, document);
        else if (!flags.quiet) show(text());
      },
      show,
      say,
    });
  } catch (failure) {
    process.exitCode = tell(failure, flags.json ?? false, codeOf);
  }
}

function writeDocument<Name extends keyof Documents>(name: Name, document: Documents[Name]): void {
  writeFully(1, `${toJson({ schema: `fixelf.${name}/1`, ...document })}\n`);
}

/** Reports why a whole command failed; returns its exit code. */
export function tell(failure: unknown, json: boolean, codeOf = exitCodeOf): number {
  const error = asError(failure);
  if (!json || !documented(error)) say(line`fixelf: ${explain(error)}`);
  return codeOf(error.code);
}

/** false if standard output accepts no more, which may be what failed. */
function documented(error: FixelfError): boolean {
  const { code, path = null } = error;
  try {
    writeDocument("error", { error: { code, message: sentence(error), path } });
    return true;
  } catch {
    return false;
  }
}

export function asError(failure: unknown): FixelfError {
  if (failure instanceof FixelfError) return failure;
  const { path, message } = (failure ?? {}) as NodeJS.ErrnoException;
  return new FixelfError(codeOfSystem(failure), message ?? String(failure), {
    path,
    cause: failure,
  });
}

/** What went wrong, with the path. */
export function sentence({ message, path }: FixelfError): string {
  return path === undefined || message.startsWith(path) ? message : `${path}: ${message}`;
}

/** The sentence and, if there is one, the command that helps next. */
export function explain(error: FixelfError): Shown {
  const said = sentence(error);
  const next = error.path === undefined ? null : nextCommand(error.code, shellWord(error.path));
  const what = error.laidOut ? document(said) : said;
  return next === null ? line`${what}` : line`${what}\n  ${next}`;
}

function nextCommand(code: FixelfErrorCode, path: string): string | null {
  switch (code) {
    case "not-elf":
    case "unsolvable":
      return `Try: fixelf doctor ${path}`;
    default:
      return null;
  }
}

/** 1 means something about the file; 2 means that it could not be read or written. */
export function exitCodeOf(code: FixelfErrorCode): number {
  switch (code) {
    case "cancelled":
      return exitCodes.interrupted;
    case "not-found":
    case "permission-denied":
    case "no-space":
    case "too-many-open-files":
    case "too-many-processes":
    case "busy":
    case "usage":
    case "io":
      return exitCodes.failure;
    default:
      return exitCodes.findings;
  }
}

/** The exit code for several things is the worst of theirs. */
export function worst(codes: Iterable<number>): number {
  return Math.max(exitCodes.good, ...codes);
}

/**
 * Aborts at the first Ctrl-C, termination request, or loss of the terminal; the second one ends the process as usual.
 */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => controller.abort());
  }
  return controller.signal;
}

function say({ text }: Shown): void {
  try {
    writeFully(2, `${text}\n`);
  } catch {
    // There is nowhere to report this either; the exit code remains.
  }
}
