// Where fixelf remembers what it did, for undo and for garbage collection.
import { join } from "node:path";
import { fromNative, native } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import { homeDirectory, variable } from "../base/process.js";
import { makeOwnDirectory } from "./own_directory.js";

/** `$XDG_STATE_HOME/fixelf` (XDG base directory specification 0.8). */
function stateDirectory(): string {
  const base = variable("XDG_STATE_HOME");
  // The specification says to ignore relative paths.
  return join(base?.startsWith("/") ? base : join(homeDirectory(), ".local", "state"), "fixelf");
}

type Subdirectory = "undo" | "gcroots" | "users";

/**
 * A directory below it, which may not exist: reading creates nothing.
 * @throws FixelfError `permission-denied` if it is another user's
 */
export async function stateSubdirectory(name: Subdirectory): Promise<string> {
  const path = join(stateDirectory(), name);
  for (const directory of [stateDirectory(), path]) {
    try {
      native.demandOwnDirectory(directory);
    } catch (failure) {
      if (fromNative(failure).code !== "not-found") throw failure;
    }
  }
  return path;
}

/**
 * The same, created for this user alone.
 * @throws FixelfError `permission-denied`, `no-space` or `io`
 */
export async function madeStateSubdirectory(name: Subdirectory): Promise<string> {
  const path = await stateSubdirectory(name);
  try {
    makeOwnDirectory(path);
  } catch (cause) {
    const { code, message: why } = fromNative(cause);
    const message = `${why}; set XDG_STATE_HOME to a directory in which undo records may be kept`;
    throw new FixelfError(code, message, { path, cause });
  }
  return path;
}
