// Taking fixes back, byte for byte.
import { realpath, stat } from "node:fs/promises";
import { FixelfError, type FixelfErrorCode } from "../errors.js";
import { fromNative, native, settled } from "../native.js";
import { stateSubdirectory } from "../state.js";
import { removeRoots } from "./gc_roots.js";

/** What became of one file that was to be restored. */
export interface UndoOutcome {
  path: string;
  outcome: "restored" | "refused" | "failed";
  error: { code: FixelfErrorCode; message: string } | null;
}

/**
 * Restores each file; below a directory, all that fixelf has changed.
 * @throws FixelfError `not-found` or `permission-denied` for a path that was named
 */
export async function undo(paths: readonly string[]): Promise<UndoOutcome[]> {
  const records = await stateSubdirectory("undo");
  const outcomes: UndoOutcome[] = [];
  for (const path of paths) {
    const host = await realpath(path).catch((cause: NodeJS.ErrnoException) => {
      const code = cause.code === "EACCES" ? "permission-denied" : "not-found";
      throw new FixelfError(code, `${path}: there is no such file`, { path, cause });
    });
    if (!(await stat(host)).isDirectory()) {
      outcomes.push(await restore(path, host, records));
      continue;
    }
    const { elf } = await settled(native.walk(host));
    const below = [];
    for (const { path: found } of elf) {
      const outcome = await restore(path + found.slice(host.length), found, records);
      if (outcome.error?.code !== "no-undo-record") below.push(outcome);
    }
    const none = "fixelf has no record of having changed anything below this directory";
    const error = { code: "no-undo-record" as const, message: none };
    outcomes.push(...(below.length > 0 ? below : [{ path, outcome: "refused" as const, error }]));
  }
  return outcomes;
}

async function restore(path: string, host: string, records: string): Promise<UndoOutcome> {
  try {
    await native.undo(host, records);
    await removeRoots(host);
    return { path, outcome: "restored", error: null };
  } catch (caught) {
    const { code, message } = fromNative(caught);
    const refused = code === "no-undo-record" || code === "changed";
    return { path, outcome: refused ? "refused" : "failed", error: { code, message } };
  }
}
