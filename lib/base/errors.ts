// The only error class in the package.
import { isNativeError } from "./realms.js";

/**
 * The kind of error; stable, for programs to compare with. About a file: `not-found`, `permission-denied`,
 * `not-a-regular-file`, `not-elf`, `truncated` (the file ends too early), `malformed` (its headers contradict each
 * other), `changed` (it was written to meanwhile), `busy` (another process is working on it), `in-store` (it is in the
 * store, where nothing is written). About the request: `usage` (arguments or options), `unsupported` (there is no safe
 * way, or this machine cannot do it), `unsolvable` (no choice of loader and libraries would do), `no-undo-record`,
 * `verification-failed` (the result failed the check, and was undone), `cancelled` (the `signal`'s reason is the
 * cause). About the machine: `no-space`, `limit-exceeded` (a size or count beyond what is read), `too-many-open-files`,
 * `too-many-processes`, `io` (any other system error).
 */
export type FixelfErrorCode =
  | "not-found"
  | "permission-denied"
  | "not-a-regular-file"
  | "not-elf"
  | "truncated"
  | "malformed"
  | "unsupported"
  | "changed"
  | "no-space"
  | "busy"
  | "limit-exceeded"
  | "no-undo-record"
  | "in-store"
  | "unsolvable"
  | "verification-failed"
  | "cancelled"
  | "too-many-open-files"
  | "too-many-processes"
  | "usage"
  | "io";

/**
 * Whether a failure is of the moment (the call was cancelled, the process may open no more files, the addon cannot be
 * loaded): it says nothing about the file at hand, and must not become part of an answer.
 */
export function isOfTheMoment(failure: unknown): boolean {
  const { code, laidOut } = failure as { code?: unknown; laidOut?: unknown };
  return (
    laidOut === true ||
    code === "cancelled" ||
    code === "too-many-open-files" ||
    code === "too-many-processes" ||
    isShortage(code)
  );
}

/** By Node's names. */
function isShortage(code: unknown): boolean {
  return code === "EMFILE" || code === "ENFILE";
}

/** The code for a failed system call, by Node's `code`; for a FixelfError, its own. */
export function codeOfSystem(failure: unknown): FixelfErrorCode {
  if (FixelfError.is(failure)) return failure.code;
  const { code } = (failure ?? {}) as NodeJS.ErrnoException;
  return systemCodes[code ?? ""] ?? "io";
}

const systemCodes: Record<string, FixelfErrorCode> = {
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  EMFILE: "too-many-open-files",
  ENFILE: "too-many-open-files",
  EACCES: "permission-denied",
  EPERM: "permission-denied",
  ENOSPC: "no-space",
};

/** The system's message for a path that cannot be followed (path_resolution(7)), in the words of strerror(3). */
export function wordsOfSystem(failure: unknown): string | null {
  return systemWords[(failure as NodeJS.ErrnoException).code ?? ""] ?? null;
}

const systemWords: Record<string, string> = {
  EACCES: "Permission denied",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  ENOTDIR: "Not a directory",
};

/**
 * For `catch`: the value, if the failure says something about the file.
 * @throws FixelfError if it does not
 */
export function unlessOfTheMoment<T>(value: T): (failure: unknown) => T {
  return (failure) => {
    if (!isOfTheMoment(failure)) return value;
    const { code, message, path } = failure as NodeJS.ErrnoException;
    throw isShortage(code)
      ? new FixelfError("too-many-open-files", message, { path, cause: failure })
      : failure;
  };
}

/**
 * What every function in the package throws, or rejects with. `message` is a sentence in English, `cause` the error
 * that led to it, if any.
 */
export class FixelfError extends Error {
  /** Always "FixelfError". */
  override readonly name = "FixelfError";
  /** The kind of error. */
  readonly code: FixelfErrorCode;
  /** The file that it is about, if any. */
  readonly path: string | undefined;
  /** The message has several lines, and nothing in it comes from a file: it is shown as it is. */
  readonly laidOut: boolean;

  constructor(
    code: FixelfErrorCode,
    message: string,
    options: { path?: string | undefined; cause?: unknown; laidOut?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.path = options.path;
    this.laidOut = options.laidOut ?? false;
  }

  /** Also true for one made by another copy of this package: a program may both import and require it. */
  static is(value: unknown): value is FixelfError {
    return isNativeError(value) && value.name === "FixelfError";
  }
}
