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
  | "usage"
  | "io";

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
