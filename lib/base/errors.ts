// The one error class of the package.
import { isNativeError } from "./realms.js";

/**
 * What kind of thing went wrong; stable, for programs to compare with. About a file: `not-found`, `permission-denied`,
 * `not-a-regular-file`, `not-elf`, `truncated` (the file ends too early), `malformed` (its headers contradict each
 * other), `changed` (somebody wrote to it meanwhile), `busy` (another process works on it), `in-store` (it is in
 * the store, where nothing is written). About the request: `usage` (arguments or options), `unsupported` (there is
 * no safe way, or this machine cannot), `unsolvable` (no choice of loader and libraries would do),
 * `no-undo-record`, `verification-failed` (the result did not pass the check, and was taken back), `cancelled` (the
 * `signal`'s reason is the cause). About the machine: `no-space`, `limit-exceeded` (a size or count beyond what is
 * read), `too-many-open-files`, `too-many-processes`, `io` (whatever else the system said).
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
 * Whether a failure is of the moment (the call was cancelled, the process may open no more files, the addon cannot
 * be loaded): it says nothing of the file at hand, and no answer is made of it.
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

/** As Node says it. */
function isShortage(code: unknown): boolean {
  return code === "EMFILE" || code === "ENFILE";
}

/** What a failure of a system call is, by Node's `code`; of a FixelfError its own. */
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

/** What the system says of a path that cannot be followed (path_resolution(7)), in the words of strerror(3). */
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
 * For `catch`: the value, where the failure says something of the file.
 * @throws FixelfError where it does not
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
 * What every function of the package throws, or rejects with. `message` is a sentence in English, `cause` what led
 * to it where that was another error.
 */
export class FixelfError extends Error {
  /** Always "FixelfError". */
  override readonly name = "FixelfError";
  /** What kind of thing went wrong. */
  readonly code: FixelfErrorCode;
  /** The file it is about, where there is one. */
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

  /** Also of one that another copy of this package made: a program may both import and require it. */
  static is(value: unknown): value is FixelfError {
    return isNativeError(value) && value.name === "FixelfError";
  }
}
