// What a path on the command line means if another system's root is given.
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { asNamed, fromNative, native } from "../addon/native.js";
import { existsSync, realpathSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { type CommonOptions, defaultStore } from "../base/options.js";
import { absolute } from "../base/process.js";

export interface Rooted {
  /** As seen from the root, without links, or this machine's own path if `outside`; absolute. */
  path: string;
  /** The same with its links, as named. */
  named: string;
  /** Where this machine can open it. */
  host: string;
  /** It is not part of the root: its directory has to be passed through. */
  outside: boolean;
}

/** What a path is named for; what is to be listed always belongs to the root. */
export type Purpose = "read" | "change" | "list";

/** Another system, and where its store is. */
export type OtherSystem = Pick<CommonOptions, "root" | "store">;

/**
 * A path inside the root is returned relative to the root; one that exists under the root is taken there. Any other
 * names a file on this machine for that system (a program to be copied there), except below the store's directory: what
 * the root's store lacks, nothing else has for it.
 * @throws FixelfError `permission-denied` as `pathToChange` does, if it is to be changed; `not-found` if it is to be
 *   listed and relative to a directory outside; `io` if its links form a loop
 */
export function insideRoot(
  path: string,
  { root, store = defaultStore }: OtherSystem,
  purpose: Purpose = "read",
): Rooted {
  const real = purpose === "change" ? realToChange : realOrSame;
  const whole = absolute(path);
  const named = root ? absolute(root) : "/";
  const top = real(named);
  if (top === "/") {
    const host = real(whole);
    return { path: host, named: whole, host, outside: false };
  }
  // The last component may be a link whose target only makes sense inside the root.
  const place = join(real(dirname(whole)), basename(whole));
  if (place === top) return { path: "/", named: "/", host: top, outside: false };
  // By its name first: this machine would follow the root's own absolute links out of it.
  if (whole.startsWith(`${named}/`)) return inside(whole.slice(named.length), top);
  if (place.startsWith(`${top}/`)) return inside(place.slice(top.length), top);
  const isOfRoot =
    purpose === "list" || `${whole}/`.startsWith(`${normalize(store)}/`) || existsIn(top, whole);
  if (isAbsolute(path) && isOfRoot) return inside(whole, top);
  if (purpose === "list")
    throw new FixelfError("not-found", `${path}: it is not below ${root}`, { path });
  const host = real(whole);
  return { path: host, named: whole, host, outside: true };
}

function existsIn(top: string, path: string): boolean {
  const files = new native.Files(top);
  try {
    return existsSync(files.hostPath(files.realPath(path)));
  } catch {
    return false;
  }
}

/** Without links, so that what is checked (is it in the store?) is what would be written to. */
function inside(path: string, top: string): Rooted {
  const files = new native.Files(top);
  const host = files.hostPath(path);
  try {
    return { path: files.realPath(path), named: path, host, outside: false };
  } catch (caught) {
    const error = fromNative(caught);
    // A loop of links inside the root may lead somewhere outside of it.
    if (error.code === "io") throw error;
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
 * The path without links, for something that is to be changed: another user's link is followed only to what belongs to
 * that user, who may change the link at any moment.
 * @throws FixelfError `not-found` or `permission-denied`
 */
export function pathToChange(path: string): string {
  try {
    return native.realPath(path);
  } catch (caught) {
    const { code } = fromNative(caught);
    if (code !== "not-found") throw asNamed(caught, path);
    throw new FixelfError(code, `${path}: there is no such file`, { path, cause: caught });
  }
}

/** The same for a file that need not exist yet. */
export function outputPath(path: string): string {
  const whole = absolute(path);
  return join(pathToChange(dirname(whole)), basename(whole));
}
