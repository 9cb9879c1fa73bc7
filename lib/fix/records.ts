// What fixelf remembers: for each fixed file, how to undo the fix and which store paths are kept for it.
import { resolve } from "node:path";
import { underSignal, untilAborted } from "../addon/cancellation.js";
import { fromNative, native, type RecordedFile } from "../addon/native.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { stateSubdirectory } from "../file/state.js";
import { type KeptStorePath, keptStorePaths, pruneRoots } from "./gc_roots.js";

/** What is kept about fixed files. */
export interface Remembered {
  /** Files with an undo record. */
  records: RecordedFile[];
  /** Store paths that are kept from garbage collection for fixed files. */
  gcRoots: KeptStorePath[];
  /** What is kept but cannot be read: the `path` of its file or, if not known, its own; the reason in `message`. */
  failures: { path: string; message: string }[];
}

/** What was forgotten, or would be. */
export interface Pruned {
  /** Files whose records were removed, or would be. */
  records: RecordedFile[];
  /** GC roots that were removed, or would be. */
  gcRoots: KeptStorePath[];
  /**
   * Files for which everything is kept because not even their directory exists: they may be on a disk that is not
   * mounted.
   */
  away: string[];
  /** What could not be removed or read: the `path` of its file or, if not known, its own; the reason in `message`. */
  failures: { path: string; message: string }[];
}

/** What to forget. */
export interface PruneOptions {
  /** Report what would be removed, and remove nothing. */
  dryRun?: boolean;
  /**
   * Also remove the records of files that contain the fix, which then can no longer be undone, and what is remembered
   * about files whose directory does not exist. Needs paths.
   */
  force?: boolean;
  /** Ends the call before anything is removed: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/**
 * What is remembered about files at and below paths, or about all files. GC roots are those that any of these files
 * uses.
 * @throws FixelfError `permission-denied` if the state directory is another user's
 */
export async function remembered(
  paths: readonly string[] = [],
  options: { signal?: AbortSignal } = {},
): Promise<Remembered> {
  checkPaths("remembered", paths);
  checkOptions<{ signal?: AbortSignal }>("remembered", options, { signal: "AbortSignal" });
  return underSignal(options.signal, () => rememberedOf(paths));
}

async function rememberedOf(paths: readonly string[]): Promise<Remembered> {
  const { records, failures } = await recordsBelow(paths);
  const { kept, failures: unread } = await keptStorePaths();
  const gcRoots =
    paths.length === 0
      ? kept
      : kept.filter(({ files }) => files.some(({ path }) => isNamed(path, paths)));
  return { records, gcRoots, failures: [...failures, ...unread] };
}

/**
 * Forgets what is no longer useful: the records of files that are gone or have been changed since, and the GC roots of
 * store paths that no file uses. Until then, a file that was only moved can be undone by its record. If its directory
 * is missing too, nothing is forgotten.
 * @throws FixelfError `usage` if everything would be forced
 */
export async function prune(
  paths: readonly string[] = [],
  options: PruneOptions = {},
): Promise<Pruned> {
  checkPaths("prune", paths);
  checkOptions<PruneOptions>("prune", options, {
    dryRun: "boolean",
    force: "boolean",
    signal: "AbortSignal",
  });
  return untilAborted(options.signal, () => forget(paths, options));
}

async function forget(
  paths: readonly string[],
  { dryRun = false, force = false }: PruneOptions,
): Promise<Pruned> {
  if (force && paths.length === 0)
    throw new FixelfError("usage", "--force needs the paths whose records are to be removed");
  const isAsked = (file: string) => paths.length === 0 || isNamed(file, paths);
  const { records: recorded, failures: unread } = await recordsBelow(paths);
  const useless = recorded.filter(({ state }) => force || state === "gone" || state === "changed");
  const away = new Set(
    recorded.filter(({ state }) => !force && state === "away").map(({ path }) => path),
  );
  const roots = async () => {
    const pruned = await pruneRoots(isAsked, { dryRun, force });
    for (const path of pruned.away) away.add(path);
    return { gcRoots: pruned.useless, away: [...away].sort(), failures: pruned.failures };
  };
  const told = async (records: RecordedFile[], failures: Pruned["failures"]): Promise<Pruned> => {
    const removed = new Set(records.map(({ path }) => path));
    const left = unread.filter(({ path }) => !removed.has(path));
    const { failures: others, ...pruned } = await roots();
    return { records, ...pruned, failures: [...failures, ...left, ...others] };
  };
  if (dryRun) return told(useless, []);
  const directory = await stateSubdirectory("undo");
  const answers = await native.forgetRecords(
    useless.map(({ path }) => path),
    directory,
    force,
  );
  const failures = answers.flatMap((failure, index) =>
    failure === null
      ? []
      : [{ path: useless[index]?.path as string, message: fromNative(failure).message }],
  );
  return told(
    useless.filter((_, index) => answers[index] === null),
    failures,
  );
}

async function recordsBelow(
  paths: readonly string[],
): Promise<Pick<Remembered, "records" | "failures">> {
  const directory = await stateSubdirectory("undo");
  const named = paths.length === 0 ? ["/"] : paths.map(realOrWhole);
  const found = await Promise.all(named.map((path) => native.recordedFiles(path, directory)));
  const failures = found.flatMap((each) => each.failures);
  return {
    records: onceByPath(found.flatMap(({ files }) => files)),
    failures: onceByPath(failures.map(({ path, message }) => ({ path, message }))),
  };
}

function onceByPath<Item extends { path: string }>(items: readonly Item[]): Item[] {
  return [...new Map(items.map((item) => [item.path, item])).values()];
}

function isNamed(file: string, paths: readonly string[]): boolean {
  return paths
    .map(realOrWhole)
    .some((path) => path === "/" || file === path || file.startsWith(`${path}/`));
}

/** Records are kept under paths without links; what is gone no longer has such a path. */
function realOrWhole(path: string): string {
  try {
    return native.realPath(path);
  } catch {
    return resolve(path);
  }
}
