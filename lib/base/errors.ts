// The one error class of the package.

/** What kind of thing went wrong; stable, for programs to compare with. */
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
 * Whether a failure is of the moment (the call was cancelled, the process may open no more files): it says
 * nothing of the file at hand, and no answer is made of it.
 */
export function isOfTheMoment(failure: unknown): boolean {
  const { code } = failure as { code?: unknown };
  return (
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

/** What a failure of a system call is, by Node's `code`. */
export function codeOfSystem(failure: unknown): FixelfErrorCode {
  const { code } = (failure ?? {}) as NodeJS.ErrnoException;
  return systemCodes[code ?? ""] ?? "io";
}

const systemCodes: Record<string, FixelfErrorCode> = {
  ENOENT: "not-found",
  EACCES: "permission-denied",
  EPERM: "permission-denied",
  ENOSPC: "no-space",
  "not-found": "not-found",
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

export class FixelfError extends Error {
  override readonly name = "FixelfError";
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
    return value instanceof Error && value.name === "FixelfError";
  }
}
