// Where the copies that `run` makes are kept: below fixelf's cache, one directory for each content. All of it may be
// deleted at any time.
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { native } from "../addon/native.js";
import { bytesOf } from "../base/bytes.js";
import { mkdir, rename, rm } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { makeOwnDirectory } from "../file/own_directory.js";
import { cacheDirectory } from "../store/index/location.js";

export function keyOf(...parts: readonly string[]): string {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(`${bytesOf(part).length}\n`).update(bytesOf(part));
  return digest.digest("hex").slice(0, 32);
}

export interface Preparing {
  fill: (directory: string) => Promise<void>;
  /** Whether an existing one can be used. */
  isWhole: (directory: string) => Promise<boolean>;
}

/**
 * A directory for a key, which is not visible before it is complete: in the cache or, if that is not writable, in a
 * directory of this user's among the temporary files.
 * @throws FixelfError what `fill` throws; `permission-denied` if no directory can be made
 */
export async function preparedOnce(key: string, preparing: Preparing): Promise<string> {
  const usual = join(cacheDirectory(), "run/copy");
  try {
    makeOwnDirectory(usual);
    for (const directory of [cacheDirectory(), dirname(usual)])
      native.demandOwnDirectory(directory);
    if (await preparing.isWhole(join(usual, key))) return join(usual, key);
    await mkdir(unfinishedName(join(usual, key)));
  } catch (cause) {
    const directory = join(await temporary(cause), key);
    if (await preparing.isWhole(directory)) return directory;
    await mkdir(unfinishedName(directory));
    return complete(directory, preparing);
  }
  return complete(join(usual, key), preparing);
}

function unfinishedName(directory: string): string {
  return `${directory}.${process.pid}`;
}

async function complete(directory: string, { fill, isWhole }: Preparing): Promise<string> {
  const unfinished = unfinishedName(directory);
  try {
    await fill(unfinished);
    await rm(directory, { recursive: true, force: true });
    await rename(unfinished, directory);
  } catch (failure) {
    await rm(unfinished, { recursive: true, force: true });
    // Another run was faster.
    if (!(await isWhole(directory))) throw failure;
  }
  return directory;
}

async function temporary(cause: unknown): Promise<string> {
  const path = join(tmpdir(), `fixelf-run-${process.getuid?.()}`);
  await mkdir(path, { mode: 0o700 }).catch(() => undefined);
  try {
    // Anyone may make a directory with that name before us.
    native.demandOwnDirectory(path);
    return path;
  } catch {
    // as if it could not be made
  }
  const message = `neither the cache nor ${path} can be written to; set XDG_CACHE_HOME to a directory that can`;
  throw new FixelfError("permission-denied", message, { path, cause });
}
