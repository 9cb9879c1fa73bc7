// What ends patchelf: `patchelf: MESSAGE` on stderr and exit code 1.

export class PatchelfFailure extends Error {
  override readonly name = "PatchelfFailure";
}

/** A failed system call, in the words that scripts know. */
export function systemFailure(doing: string, cause: unknown): PatchelfFailure {
  return new PatchelfFailure(`${doing}: ${reasonOf(cause)}`, { cause });
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
export function cannotFind(section: string): PatchelfFailure {
  return new PatchelfFailure(
    `cannot find section '${section}'. The input file is most likely statically linked`,
  );
}
