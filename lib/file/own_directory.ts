// Directories in which something is kept from one run to the next.
import { fromNative, native } from "../addon/native.js";
import { isDirectory } from "../base/directories.js";
import { FixelfError, isOfTheMoment } from "../base/errors.js";
import { homeDirectory } from "../base/process.js";

/**
 * Makes one for this user alone, including missing directories above it, but not the home directory: users without one
 * have been given a name that must not exist, such as Nix's /homeless-shelter, and once that exists Nix builds nothing.
 * @throws FixelfError `permission-denied` also if it would be inside another user's directory; `no-space`, `io`
 */
export function makeOwnDirectory(path: string): void {
  try {
    const home = homeDirectory();
    if (path.startsWith(`${home}/`) && !isDirectory(home))
      throw new FixelfError("permission-denied", `the home directory ${home} is not there`);
    native.makeOwnDirectory(path);
  } catch (cause) {
    const error = fromNative(cause);
    if (isOfTheMoment(error)) throw error;
    const { code, message } = error;
    throw new FixelfError(code, `${path} cannot be made: ${message}`, { path, cause });
  }
}
