// Directories in which something is kept from one run for the next.
import { native } from "../addon/native.js";
import { isDirectory } from "../base/directories.js";
import { FixelfError } from "../base/errors.js";
import { homeDirectory } from "../base/process.js";

/**
 * Makes one for this user alone, with those above it that are missing, but for the home directory: who has none was
 * given a name that shall not be there, such as Nix's /homeless-shelter, without which Nix builds nothing once it is.
 * @throws FixelfError `permission-denied` also where it would lie in another user's directory; `no-space`, `io`
 */
export function makeOwnDirectory(path: string): void {
  const home = homeDirectory();
  if (path.startsWith(`${home}/`) && !isDirectory(home)) {
    const message = `${path} cannot be made: the home directory ${home} is not there`;
    throw new FixelfError("permission-denied", message, { path });
  }
  native.makeOwnDirectory(path);
}
