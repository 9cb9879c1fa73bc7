// GC roots: what a fixed file refers to must survive `nix-collect-garbage`.
//
// There is one indirect root per store path, however many files refer to it, and beside it a list of those files, so
// that undoing the last one removes the root too.
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { native } from "../addon/native.js";
import { bytesOf } from "../base/bytes.js";
import { access, lstat, readdir, readFile, readlink, rm, unlink, writeFile } from "../base/disk.js";
import { FixelfError, unlessOfTheMoment } from "../base/errors.js";
import { makeOwnDirectory } from "../file/own_directory.js";
import { madeStateSubdirectory, stateSubdirectory } from "../file/state.js";
import type { Nix } from "../store/nix.js";

/** A file, and the store paths that it refers to. */
export interface RootedFile {
  file: string;
  storePaths: readonly string[];
}

/** How many lists of files are written at once: most of the time is spent waiting for the system. */
const mostAtOnce = 16;

/**
 * Registers the store paths of each file, and releases those that it referred to before. For each file, in order,
 * returns a sentence if this failed, otherwise null.
 */
export async function addRoots(files: readonly RootedFile[], nix: Nix): Promise<(string | null)[]> {
  const links = await madeStateSubdirectory("gcroots");
  const users = await madeStateSubdirectory("users");
  const problems = new Map<string, string>();
  for (const storePath of new Set(files.flatMap(({ storePaths }) => storePaths))) {
    const link = join(links, basename(storePath));
    if (!(await exists(link)) && (await nix.addIndirectRoot(link, storePath)) === null)
      problems.set(storePath, `no GC root for ${storePath}: ${nix.whyUnknown}`);
    else makeOwnDirectory(join(users, basename(storePath)));
  }
  const entries = files.flatMap(({ file, storePaths }) =>
    storePaths
      .filter((storePath) => !problems.has(storePath))
      .map((storePath) => ({ file, path: join(users, basename(storePath), keyOf(file)) })),
  );
  const worker = async () => {
    for (let entry = entries.pop(); entry !== undefined; entry = entries.pop())
      await writeFile(entry.path, entry.file);
  };
  await Promise.all(Array.from({ length: mostAtOnce }, worker));
  const answers = files.map(
    ({ storePaths }) => storePaths.map((path) => problems.get(path)).find(Boolean) ?? null,
  );
  await removeRootsOf(files.filter((_, index) => answers[index] === null));
  return answers;
}

/** Whether the store paths are registered for a file. */
export async function isRooted(file: string, storePaths: readonly string[]): Promise<boolean> {
  const users = await stateSubdirectory("users");
  for (const storePath of storePaths)
    if (!(await exists(join(users, basename(storePath), keyOf(file))))) return false;
  return true;
}

/** The store paths that no fixed file is registered for. */
export async function unusedOf(storePaths: readonly string[]): Promise<string[]> {
  const users = await stateSubdirectory("users");
  const lists = storePaths.map((storePath) => exists(join(users, basename(storePath))));
  const used = await Promise.all(lists);
  return storePaths.filter((_, index) => !used[index]);
}

/** Forgets what a file refers to, and removes the roots that no other file needs. */
export async function removeRoots(file: string): Promise<void> {
  await removeRootsOf([{ file, storePaths: [] }]);
}

/** A store path that is kept for this user's files, and which of these exist. */
export interface KeptStorePath {
  /** The GC root, a link to the store path. */
  link: string;
  /** Where it leads; null if the link itself does not exist. */
  storePath: string | null;
  /** The files that it is kept for: their `path`, and whether the file `isThere`. */
  files: { path: string; isThere: boolean }[];
}

/** What is kept but cannot be read, and why. */
export interface UnreadRoot {
  path: string;
  message: string;
}

/** All store paths that are kept. */
export async function keptStorePaths(): Promise<{
  kept: KeptStorePath[];
  failures: UnreadRoot[];
}> {
  const links = await stateSubdirectory("gcroots");
  const users = await stateSubdirectory("users");
  const names = new Set([...(await namesIn(users)), ...(await namesIn(links))]);
  const failures: UnreadRoot[] = [];
  const kept = await Promise.all(
    [...names].sort().map(async (name) => {
      const link = join(links, name);
      const storePath = await readlink(link).catch(unlessOfTheMoment(null));
      const { files: paths, failures: unread } = await usersIn(join(users, name));
      failures.push(...unread);
      const files = await Promise.all(
        paths.map(async (path) => ({ path, isThere: await exists(path) })),
      );
      files.sort((one, other) => (one.path < other.path ? -1 : 1));
      return { link, storePath, files };
    }),
  );
  failures.sort((one, other) => (one.path < other.path ? -1 : 1));
  return { kept, failures };
}

/**
 * The files that a store path is kept for. Anything that is not a list, or not an entry in one, was not made by fixelf.
 */
async function usersIn(list: string): Promise<{ files: string[]; failures: UnreadRoot[] }> {
  const files: string[] = [];
  const failures: UnreadRoot[] = [];
  const read = async (path: string, reading: () => Promise<unknown>) => {
    try {
      await reading();
    } catch (failure) {
      unlessOfTheMoment(null)(failure);
      const { code, message } = failure as NodeJS.ErrnoException;
      // Another process may have released it meanwhile; a link in gcroots/ alone has no list.
      if (code === "ENOENT") return;
      failures.push({
        path,
        message: `cannot read it as one of the users of a GC root: ${message}`,
      });
    }
  };
  await read(list, async () => {
    for (const key of await readdir(list))
      await read(join(list, key), async () => files.push(await entryText(join(list, key))));
  });
  return { files, failures };
}

/** Does not wait for a FIFO's writer. */
async function entryText(path: string): Promise<string> {
  if (!(await lstat(path)).isFile())
    throw new FixelfError("not-a-regular-file", "this is not a regular file", { path });
  return readFile(path, "utf8");
}

/**
 * Releases the files that are gone, and the roots that no other file needs: `useless`. With `force`, also those that
 * may be `away`.
 * @param isNamed which files may be released
 */
export async function pruneRoots(
  isNamed: (file: string) => boolean,
  { dryRun, force }: { dryRun: boolean; force: boolean },
): Promise<{ useless: KeptStorePath[]; away: string[]; failures: UnreadRoot[] }> {
  const users = await stateSubdirectory("users");
  const useless: KeptStorePath[] = [];
  const away: string[] = [];
  const isAway = awayFiles();
  const { kept: all, failures } = await keptStorePaths();
  const unread = new Set(failures.flatMap(({ path }) => [path, dirname(path)]));
  for (const kept of all) {
    const list = join(users, basename(kept.link));
    const gone: typeof kept.files = [];
    for (const file of kept.files.filter(({ path, isThere }) => !isThere && isNamed(path)))
      if (force || !(await isAway(file.path))) gone.push(file);
      else away.push(file.path);
    // One without files was requested by itself (`run --get`), or is just being made.
    const isUseless = gone.length > 0 && gone.length === kept.files.length && !unread.has(list);
    if (isUseless) useless.push(kept);
    if (dryRun) continue;
    for (const { path } of gone) await rm(join(list, keyOf(path)), { force: true });
    if (!isUseless) continue;
    await unlink(kept.link).catch(() => undefined);
    await rm(list, { recursive: true, force: true });
  }
  return { useless, away, failures };
}

/** Forgets what files refer to besides `storePaths`. */
async function removeRootsOf(files: readonly RootedFile[]): Promise<void> {
  const links = await stateSubdirectory("gcroots");
  const users = await stateSubdirectory("users");
  const isAway = awayFiles();
  for (const name of await namesIn(users)) {
    const others = files.filter(
      ({ storePaths }) => !storePaths.some((storePath) => basename(storePath) === name),
    );
    if (others.length === 0) continue;
    const list = join(users, name);
    for (const { file } of others)
      await rm(join(list, keyOf(file)), { force: true }).catch(unlessOfTheMoment(undefined));
    if (await hasLivingUser(list, isAway)) continue;
    await unlink(join(links, name)).catch(() => undefined);
    await rm(list, { recursive: true, force: true });
  }
}

/**
 * Files that have been deleted need no root any more; the first one that exists, or may exist, decides. So does one
 * that cannot be read, which `fixelf list` reports.
 */
async function hasLivingUser(list: string, isAway: IsAway): Promise<boolean> {
  const { files, failures } = await usersIn(list);
  if (failures.length > 0) return true;
  for (const file of files) {
    if ((await exists(file)) || (await isAway(file))) return true;
    await rm(join(list, keyOf(file)), { force: true });
  }
  return false;
}

/** Whether a missing file may be on a disk that is not mounted. */
type IsAway = (file: string) => Promise<boolean>;

/** It may be if its directory is missing too, and its fix was not undone elsewhere. */
function awayFiles(): IsAway {
  let recorded: Promise<(file: string) => boolean> | undefined;
  return async (file) => {
    if (await exists(dirname(file))) return false;
    recorded ??= stateSubdirectory("undo").then(async (directory) => {
      const { paths, failures } = await native.changedBelow("/", directory);
      const known = new Set(paths);
      return (path: string) => known.has(path) || failures.length > 0;
    });
    return (await recorded)(file);
  };
}

function keyOf(file: string): string {
  return createHash("sha256").update(bytesOf(file)).digest("hex").slice(0, 32);
}

/** Empty if nothing has been kept yet. */
async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === "ENOENT") return [];
    throw failure;
  });
}

async function exists(path: string): Promise<boolean> {
  // What this user may not look at, or a disk cannot tell, may well exist.
  return access(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== "ENOENT" && code !== "ENOTDIR",
  );
}
