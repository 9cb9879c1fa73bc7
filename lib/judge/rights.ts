// Programs that run with rights that their caller does not have (AT_SECURE), and who else decides what such a program
// loads: that too would run with these rights.
import { dirname, join } from "node:path";
import { type GivenRights, type NativeFiles, native } from "../addon/native.js";
import { lstatSync, readdirSync, readlinkSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

/** The rights that a program gives to its caller, or null. Nothing is known about another system's mounts. */
export function rightsOf(host: string, files: NativeFiles): GivenRights | null {
  const given = native.givenRights(host);
  if (!given.user && !given.group && !given.capabilities) return null;
  return given.ignored && files.hostPath("/") === "/" ? null : given;
}

/**
 * Who else could make such a program load a different library from a directory, as a sentence; null if only root and
 * its owner decide. Loaders open files with the name of a library, and look into glibc-hwcaps.
 */
export function whoElseDecides(
  directory: string,
  soname: string,
  host: string,
  files: NativeFiles,
): string | null {
  const { user, group, capabilities, owner } = native.givenRights(host);
  // The file's owner has no more right to a group or to capabilities than anyone else.
  const isTrusted = (uid: number) =>
    uid === 0 || (user && !group && !capabilities && uid === owner);
  try {
    const names = readdirSync(files.hostPath(directory)).filter(
      (name) => native.looksLikeLibrary(name) || name === "glibc-hwcaps",
    );
    const paths = [directory, ...[soname, ...names].map((name) => join(directory, name))];
    for (const path of paths) {
      const who = whoElse(path, isTrusted, files);
      if (who !== null) return who;
    }
    return null;
  } catch (failure) {
    return unlessOfTheMoment(`${directory} cannot be examined`)(failure);
  }
}

/** As in fs/namei.c. */
const mostLinks = 40;

/** Walks a path as the kernel does, and checks each directory in which a component is looked up. */
function whoElse(
  path: string,
  isTrusted: (uid: number) => boolean,
  files: NativeFiles,
): string | null {
  const left = path.split("/").reverse();
  let at = "/";
  for (let links = 0; left.length > 0 && links < mostLinks; ) {
    const name = left.pop();
    if (name === "" || name === "." || name === undefined) continue;
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const directory = files.hostPath(at);
    const entry = lstatSync(join(directory, name), { throwIfNoEntry: false });
    const { uid, mode } = lstatSync(directory);
    // In a sticky directory, only its owner may rename an entry (fs/namei.c, may_delete).
    const isOthers = (mode & 0o1000) === 0 || entry === undefined || !isTrusted(entry.uid);
    if (!isTrusted(uid)) return `${at} belongs to user ${uid}`;
    if ((mode & 0o022) !== 0 && isOthers) return `others than its owner may write to ${at}`;
    if (entry === undefined) return null;
    if (entry.isSymbolicLink()) {
      const target = readlinkSync(join(directory, name));
      left.push(...target.split("/").reverse());
      if (target.startsWith("/")) at = "/";
      links++;
    } else at = join(at, name);
  }
  const { uid, mode } = lstatSync(files.hostPath(at));
  if (!isTrusted(uid)) return `${at} belongs to user ${uid}`;
  return (mode & 0o022) !== 0 ? `others than its owner may write to ${at}` : null;
}
