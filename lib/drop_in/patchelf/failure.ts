// What ends patchelf, in its own words: `patchelf: MESSAGE` on stderr and exit code 1. Scripts know them.
import { codeOfSystem, FixelfError, type FixelfErrorCode } from "../../base/errors.js";

/** Without a path: patchelf's words name the file where they mean to. */
export function failure(code: FixelfErrorCode, message: string): FixelfError {
  return new FixelfError(code, message);
}

/** A failed system call. */
export function systemFailure(doing: string, cause: unknown): FixelfError {
  return new FixelfError(codeOfSystem(cause), `${doing}: ${reasonOf(cause)}`, { cause });
}

/** strerror(3)'s text of a failure of node:fs. */
function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return strerror[code ?? ""] ?? message;
}

const strerror: Record<string, string> = {
  EACCES: "Permission denied",
  EBUSY: "Device or resource busy",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  ENOENT: "No such file or directory",
  ENOSPC: "No space left on device",
  ENOTDIR: "Not a directory",
  EPERM: "Operation not permitted",
  EROFS: "Read-only file system",
  ETXTBSY: "Text file busy",
};

/** A part that the file has not got; patchelf looks for it by the section's name. */
export function cannotFind(section: string): FixelfError {
  return failure(
    "unsupported",
    `cannot find section '${section}'. The input file is most likely statically linked`,
  );
}
