// What a path on the command line means when another system's root is given.
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { fromNative, native } from "../addon/native.js";
import { existsSync, realpathSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { absolute } from "../base/process.js";

export interface Rooted {
  /** As seen from the root, without links, or this machine's own path where `outside`; absolute. */
  path: string;
  /** The same with its links, as it was named. */
  named: string;
  /** Where this machine can open it. */
  host: string;
  /** It is no part of the root: its directory has to be passed through. */
  outside: boolean;
}

/** What a path is named for. */
export type Purpose = "read" | "change";

/**
 * A path inside the root loses the root; one that exists under the root is taken there.
 * @throws FixelfError `permission-denied` as `pathToChange` does, where it is to be changed
 */
export function insideRoot(
  path: string,
  root: string | undefined,
  purpose: Purpose = "read",
): Rooted {
  const real = purpose === "read" ? realOrSame : realToChange;
  const whole = absolute(path);
  const top = root ? real(absolute(root)) : "/";
  if (top === "/") {
    const host = real(whole);
    return { path: host, named: whole, host, outside: false };
  }
  // The last component may be a link whose target only makes sense inside the root.
  const place = join(real(dirname(whole)), basename(whole));
  if (place === top) return { path: "/", named: "/", host: top, outside: false };
  if (place.startsWith(`${top}/`)) return inside(place.slice(top.length), top);
  if (isAbsolute(path) && existsSync(new native.Files(top).hostPath(path)))
    return inside(normalize(path), top);
  const host = real(whole);
  return { path: host, named: whole, host, outside: true };
}

/** Without links, so that what is judged (is it in the store?) is what would be written to. */
function inside(path: string, top: string): Rooted {
  const files = new native.Files(top);
  const host = files.hostPath(path);
  try {
    return { path: files.realPath(path), named: path, host, outside: false };
  } catch {
    return { path, named: path, host, outside: false };
  }
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function realToChange(path: string): string {
  try {
    return pathToChange(path);
  } catch (caught) {
    if (fromNative(caught).code === "not-found") return path;
    throw caught;
  }
}

/**
 * The path without links, of something that is to be changed: a link of another user is followed
 * only to what belongs to that user, since he may change it at any moment.
 * @throws FixelfError `not-found` or `permission-denied`
 */
export function pathToChange(path: string): string {
  try {
    return native.realPath(path);
  } catch (caught) {
    const { code, message } = fromNative(caught);
    const why = code === "not-found" ? "there is no such file" : message;
    throw new FixelfError(code, `${path}: ${why}`, { path, cause: caught });
  }
}

/** The same for a file that need not be there yet. */
export function outputPath(path: string): string {
  const whole = absolute(path);
  return join(pathToChange(dirname(whole)), basename(whole));
}
