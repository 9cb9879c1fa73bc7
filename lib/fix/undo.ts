// Undoing fixes, byte for byte.
import { join, relative } from "node:path";
import { cancelledBy, untilAborted } from "../addon/cancellation.js";
import { fromNative, native, type RecordFailure } from "../addon/native.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import { stat } from "../base/disk.js";
import type { FixelfErrorCode } from "../base/errors.js";
import { type CommonOptions, commonKinds } from "../base/options.js";
import { insideRoot, pathToChange } from "../file/rooted.js";
import { stateSubdirectory } from "../file/state.js";
import { removeRoots } from "./gc_roots.js";

/** What became of one file that was to be restored. */
export interface UndoOutcome {
  /** The file; or an undo record that cannot be read, if it may be about a file below a directory. */
  path: string;
  /** `refused`: not touched because it has changed since. `failed`: it, or its record, could not be read or written. */
  outcome: "restored" | "refused" | "failed";
  /** With `refused` and `failed`: the `code` and `message`; otherwise null. */
  error: { code: FixelfErrorCode; message: string } | null;
}

/**
 * Restores each file; below a directory, everything that fixelf has changed. A file that has since been moved or copied
 * is recognized by its content. Everything that one path names is written together. If the signal aborts after some
 * files have been restored, the others have failed with `cancelled`.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named, or if the state directory cannot be
 *   made or read; `cancelled`, with the signal's reason as its cause, if nothing has been restored
 */
export async function undo(
  paths: readonly string[],
  options: CommonOptions = {},
): Promise<UndoOutcome[]> {
  checkPaths("undo", paths);
  checkOptions("undo", options, commonKinds);
  const { signal } = options;
  const records = await stateSubdirectory("undo");
  const outcomes: UndoOutcome[] = [];
  for (const path of paths) {
    const host = pathToChange(insideRoot(path, options, "change").host);
    const restored = untilAborted(signal, () => restoreAt({ path, host }, records));
    outcomes.push(...(await restored.catch((failure) => [cancelledAt(path, failure)])));
  }
  if (signal?.aborted && outcomes.every(({ error }) => error?.code === "cancelled"))
    throw cancelledBy(signal);
  return outcomes;
}

function cancelledAt(path: string, failure: unknown): UndoOutcome {
  const { code, message } = fromNative(failure);
  if (code !== "cancelled") throw failure;
  return { path, outcome: "failed", error: { code, message } };
}

/** A file, or everything that fixelf has changed below a directory. */
async function restoreAt(named: Named, records: string): Promise<UndoOutcome[]> {
  const { path, host } = named;
  if (!(await stat(host)).isDirectory()) return restore([named], records);
  // By the records: a file left half-written by a killed process may not be an ELF file.
  const { paths: changed, failures } = await native.changedBelow(host, records);
  const moved = await movedTo(host, changed, records);
  const files = [...changed, ...moved].map((found) => ({
    path: join(path, relative(host, found)),
    host: found,
  }));
  const below = (await restore(files, records)).filter(
    // A deleted file is not wanted back.
    ({ error }) => error?.code !== "no-undo-record" && error?.code !== "not-found",
  );
  below.push(...failures.map(unreadable));
  const none = "fixelf has no record of having changed anything below this directory";
  const error = { code: "no-undo-record" as const, message: none };
  return below.length > 0 ? below : [{ path, outcome: "refused", error }];
}

/** A record that may be about a file below the directory. */
function unreadable({ path, code, message }: RecordFailure): UndoOutcome {
  return { path, outcome: "failed", error: { code, message } };
}

/** What was fixed under another path: the tree has since been moved or copied. */
async function movedTo(
  directory: string,
  changed: readonly string[],
  records: string,
): Promise<string[]> {
  const { elf, scripts } = await native.walk(directory);
  const known = new Set(changed);
  const others = [...elf.map(({ path }) => path), ...scripts].filter((path) => !known.has(path));
  return native.recordedElsewhere(others, records);
}

/** By the name that its user knows, and by its real location. */
interface Named {
  path: string;
  host: string;
}

async function restore(files: readonly Named[], records: string): Promise<UndoOutcome[]> {
  const hosts = files.map(({ host }) => host);
  const failures = await native.undo(hosts, records);
  const outcomes: UndoOutcome[] = [];
  for (const [index, { path, host }] of files.entries()) {
    const failure = failures[index];
    if (failure) {
      const { code, message } = fromNative(failure);
      const refused = code === "no-undo-record" || code === "changed" || code === "busy";
      outcomes.push({ path, outcome: refused ? "refused" : "failed", error: { code, message } });
    } else {
      await removeRoots(host);
      outcomes.push({ path, outcome: "restored", error: null });
    }
  }
  return outcomes;
}
