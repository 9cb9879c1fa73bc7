// All files of a run, written in one batch. Names of one file (hard links) stay names of one file: a package may have a
// hundred of them, and patchelf, which writes into the file, keeps them too.
import { fromNative, type Layout, native } from "../../addon/native.js";
import type { PatchelfChanges } from "../../addon/requests.js";
import { link, rename, stat, unlink } from "../../base/disk.js";
import { outputPath } from "../../file/rooted.js";
import { changesOf } from "./edits.js";
import type { FileFailure } from "./place.js";
import type { FilePlan } from "./plan.js";

/** What a file gets. */
interface Change {
  path: string;
  /** The same path, without links among its directories. */
  host: string;
  changes: PatchelfChanges;
}

/** The result of writing. */
export interface Written {
  /** Whether any file was written. */
  some: boolean;
  /** What could not be done. */
  failures: FileFailure[];
}

/** Writes the files that change. */
export async function write(files: readonly FilePlan[], extra: PatchelfChanges): Promise<Written> {
  const written: Written = { some: false, failures: [] };
  const { failures } = written;
  let left = files.flatMap((file): Change[] => {
    const { path } = file.facts;
    const changes = changesOf(file, extra);
    if (changes === null) return [];
    try {
      return [{ path, host: outputPath(path), changes }];
    } catch (failure) {
      if (!(failure instanceof Error)) throw failure;
      failures.push({ path, error: fromNative(failure) });
      return [];
    }
  });
  // Another round is needed for names of one file that are to differ from now on.
  while (left.length > 0) left = await writeOneOfEach(left, written);
  return written;
}

/** Writes each file under the first of its names; returns what is left to do. */
async function writeOneOfEach(changes: readonly Change[], written: Written): Promise<Change[]> {
  const { failures } = written;
  const planned = await Promise.all(changes.map((change) => layOut(change, failures)));
  const namesOf = new Map<string, Change[]>();
  const jobs: { path: string; output: string; layout: Layout; inPlace: boolean }[] = [];
  for (const [index, layout] of planned.entries()) {
    const change = changes[index] as Change;
    if (layout === null) continue;
    const file = await fileOf(change.path);
    const names = namesOf.get(file);
    names?.push(change);
    if (names !== undefined) continue;
    namesOf.set(file, [change]);
    if (layout.ranges.length > 0 || layout.oldSize !== layout.newSize)
      jobs.push({ path: change.host, output: change.host, layout, inPlace: false });
  }
  // A builder has no home for undo records, and can rebuild its output.
  const answers = await native.apply(jobs, "");
  written.some ||= answers.some((answer) => !answer);
  const byHost = new Map(jobs.map(({ path }, index) => [path, answers[index] ?? null]));
  const left: Change[] = [];
  for (const [first, ...others] of namesOf.values()) {
    if (first === undefined) continue;
    const answer = byHost.get(first.host);
    if (answer) failures.push({ path: first.path, error: fromNative(answer) });
    for (const other of others) {
      if (!isSame(first.changes, other.changes)) left.push(other);
      else if (answer) failures.push({ path: other.path, error: fromNative(answer) });
      else if (answer === null) await nameAgain(first.path, other.path, failures);
    }
  }
  return left;
}

async function layOut(
  { path, host, changes }: Change,
  failures: FileFailure[],
): Promise<Layout | null> {
  try {
    return await native.layOutPatchelf(host, changes);
  } catch (failure) {
    failures.push({ path, error: fromNative(failure) });
    return null;
  }
}

/** The same for all names of one file. A file that has vanished is one on its own. */
async function fileOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? path : `${found.dev} ${found.ino}`;
}

function isSame(one: PatchelfChanges, other: PatchelfChanges): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Turns an existing name into a name of another file: at every moment there is a file with that name. */
async function nameAgain(file: string, name: string, failures: FileFailure[]): Promise<void> {
  const temporary = `${name}.fixelf-${process.pid}`;
  try {
    await link(file, temporary);
    await rename(temporary, name).catch(async (failure: unknown) => {
      await unlink(temporary);
      throw failure;
    });
  } catch (failure) {
    const message = `cannot make it a name of ${file}: ${(failure as Error).message}`;
    failures.push({ path: name, error: { code: "io", message } });
  }
}
