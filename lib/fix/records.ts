// What fixelf remembers: of each fixed file how to undo the fix, and which store paths are kept for it.
import { resolve } from "node:path";
import { underSignal, untilAborted } from "../addon/cancellation.js";
import { fromNative, native, type RecordedFile } from "../addon/native.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { stateSubdirectory } from "../file/state.js";
import { type KeptStorePath, keptStorePaths, pruneRoots } from "./gc_roots.js";

/** What is kept of fixed files. */
export interface Remembered {
  /** Files with an undo record. */
  records: RecordedFile[];
  /** Store paths that are kept from garbage collection for fixed files. */
  gcRoots: KeptStorePath[];
  /** What is kept and cannot be read: the `path` of its file or, where that is not known, its own; in `message` why. */
  failures: { path: string; message: string }[];
}

/** What was forgotten, or would be. */
export interface Pruned {
  /** Files whose records were removed, or would be. */
  records: RecordedFile[];
  /** GC roots that were removed, or would be. */
  gcRoots: KeptStorePath[];
  /**
   * Files of which everything is kept because not even their directory is there: they may be on a disk that
   * is not mounted.
   */
  away: string[];
  /** What could not be removed, or not be read: the `path` of its file or, where that is not known, its own; in `message` why. */
  failures: { path: string; message: string }[];
}

/** What is forgotten. */
export interface PruneOptions {
  /** Say what would be removed, and remove nothing. */
  dryRun?: boolean;
  /**
   * Also remove the records of files that hold the fix, which can't be undone any more, and what is remembered of
   * files whose directory is not there. Needs paths.
   */
  force?: boolean;
  /** Ends the call before anything is removed: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/**
 * What is remembered of files at and below paths, or of all. GC roots are those that any of these files uses.
 * @throws FixelfError `permission-denied` where the state directory is another user's
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
 * Forgets what is of no use any more: the records of files that are gone or that somebody has written to
 * since, and the GC roots of store paths that no file uses. A file that was only moved can be undone by its
 * record until then. Where its directory is not there either, nothing is forgotten.
 * @throws FixelfError `usage` where everything would be forced
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

/** Records are kept under paths without links; what is gone has no such path any more. */
function realOrWhole(path: string): string {
  try {
    return native.realPath(path);
  } catch {
    return resolve(path);
  }
}
