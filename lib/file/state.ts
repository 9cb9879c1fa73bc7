// Where fixelf remembers what it did, for undo and for garbage collection.
import { join } from "node:path";
import { native } from "../addon/native.js";
import { makeDirectories } from "../base/directories.js";
import { FixelfError } from "../base/errors.js";
import { homeDirectory, variable } from "../base/process.js";

/** `$XDG_STATE_HOME/fixelf` (XDG base directory specification 0.8). */
function stateDirectory(): string {
  const base = variable("XDG_STATE_HOME");
  // The specification has relative paths ignored.
  return join(base?.startsWith("/") ? base : join(homeDirectory(), ".local", "state"), "fixelf");
}

/**
 * A directory below it, made for this user alone.
 * @throws FixelfError `permission-denied` (also where it is another user's), `no-space` or `io`
 */
export async function stateSubdirectory(name: "undo" | "gcroots" | "users"): Promise<string> {
  const path = join(stateDirectory(), name);
  try {
    makeDirectories(path, 0o700);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const known = code === "ENOSPC" ? "no-space" : code === "EACCES" ? "permission-denied" : "io";
    const message = `cannot make ${path}, where undo records are kept (${code}); set XDG_STATE_HOME to a directory that may be written to`;
    throw new FixelfError(known, message, { path, cause });
  }
  native.demandOwnDirectory(stateDirectory());
  native.demandOwnDirectory(path);
  return path;
}
