// Directories in which something is kept from one run for the next.
import { fromNative, native } from "../addon/native.js";
import { isDirectory } from "../base/directories.js";
import { FixelfError, isOfTheMoment } from "../base/errors.js";
import { homeDirectory } from "../base/process.js";

/**
 * Makes one for this user alone, with those above it that are missing, but for the home directory: who has none was
 * given a name that shall not be there, such as Nix's /homeless-shelter, without which Nix builds nothing once it is.
 * @throws FixelfError `permission-denied` also where it would lie in another user's directory; `no-space`, `io`
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
