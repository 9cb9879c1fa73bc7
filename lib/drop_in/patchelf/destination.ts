// Where a changed file goes. patchelf opens the file itself, or that of --output, and writes over what
// is there; here the same files are refused and get the same modes, but the new content is put in
// place whole.
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
  writeSync,
} from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { absolute } from "../../base/process.js";
import { type EditOptions, type EditOutcome, edit } from "../../edit/edit.js";
import type { EditRequest } from "../../edit/request.js";
import { systemFailure } from "./failure.js";

/** Changes the file, or makes `output` of it, which is made also where nothing is to be changed. */
export async function write(
  file: string,
  output: string | null,
  edits: EditRequest | null,
): Promise<EditOutcome | null> {
  if (output !== null) {
    const present = statOf(output);
    if (present === null || !isSame(present, statSync(file)))
      return elsewhere(file, output, present, edits ?? {});
  }
  return edits === null ? null : here(file, edits);
}

async function here(file: string, edits: EditRequest): Promise<EditOutcome> {
  demandWritable(file);
  const outcome = await orElse(
    () => edit(file, edits, withoutRecord),
    // Nothing may be put beside it, or its owner not be kept; but it may be written to.
    () => edit(file, edits, { ...withoutRecord, inPlace: true }),
  );
  if (outcome.outcome === "changed") touch(file);
  return outcome;
}

async function elsewhere(
  file: string,
  output: string,
  present: Stats | null,
  edits: EditRequest,
): Promise<EditOutcome> {
  if (present !== null) demandWritable(output);
  if (present !== null && !present.isFile()) return through(file, output, edits);
  const target = followed(output);
  const outcome = await orElse(
    () => edit(file, edits, { ...withoutRecord, output: target }),
    () => through(file, target, edits),
  );
  // open(2) with mode 0777, or what is there keeps its mode.
  chmodSync(target, present === null ? 0o777 & ~process.umask() : present.mode & 0o7777);
  return outcome;
}

/** Nix builders have no home directory, and whoever calls patchelf expects none of its traces. */
const withoutRecord: EditOptions = { undo: false };

/** Makes the result in a place of its own, and writes it into what is there, a device perhaps. */
async function through(file: string, target: string, edits: EditRequest): Promise<EditOutcome> {
  const directory = mkdtempSync(join(tmpdir(), "fixelf-"));
  try {
    const made = join(directory, "made");
    const outcome = await edit(file, edits, { ...withoutRecord, output: made });
    copyInto(made, target);
    return outcome;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function copyInto(from: string, to: string): void {
  const input = openSync(from, "r");
  try {
    const output = opened(to);
    try {
      const buffer = Buffer.allocUnsafe(1 << 20);
      for (let count = readSync(input, buffer); count > 0; count = readSync(input, buffer)) {
        for (let done = 0; done < count; ) done += writeSync(output, buffer, done, count - done);
      }
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, "w", 0o777);
  } catch (cause) {
    throw systemFailure("open", cause);
  }
}

/** @throws FixelfError as open(2) would have it */
function demandWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw systemFailure("open", cause);
  }
}

async function orElse<T>(first: () => Promise<T>, second: () => Promise<T>): Promise<T> {
  try {
    return await first();
  } catch (failure) {
    if (FixelfError.is(failure) && failure.code === "permission-denied") return second();
    throw failure;
  }
}

/** The path behind symbolic links, also where the last one leads nowhere yet. */
function followed(path: string): string {
  let at = absolute(path);
  // As many as the kernel follows (MAXSYMLINKS).
  for (let links = 0; links < 40; ++links) {
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  return at;
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    throw systemFailure("open", cause);
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** What was just written is new to `make` and to backups; the engine keeps the times. */
function touch(path: string): void {
  try {
    utimesSync(path, statSync(path).atime, new Date());
  } catch (cause) {
    // Only the owner may; for others the engine could not keep the time either.
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") throw cause;
  }
}
