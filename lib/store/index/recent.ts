// The few store paths that came last, in one small file beside LMDB's.
//
// To load lmdb, to open and to flush takes twenty times as long as to read one store path. So what
// is new waits here until it is much, or until something is gone; then it goes into LMDB with the
// rest. The file is replaced whole, and counts on top of one state of LMDB's only: two processes may
// lose each other's additions, which are read again, and never mix them.
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAbsence } from "./environment.js";
import {
  type DirectoryIdentity,
  decode,
  decodeContent,
  encode,
  encodeContent,
  type State,
  type StorePathContent,
} from "./format.js";
import type { Entry } from "./listing.js";
import { IndexDamage } from "./pages.js";

/** Store paths; more of them go into LMDB. */
export const mostRecent = 64;

/** Bytes; every question reads them. */
const largest = 512 << 10;

/** As of when, like the fields of the same names in `State`. */
export interface Recent {
  directory: DirectoryIdentity;
  listed: string;
  unsettled: string[];
  storePaths: RecentStorePath[];
}

export interface RecentStorePath {
  entry: Entry;
  content: StorePathContent;
}

interface Stored extends Omit<Recent, "storePaths"> {
  /** `listed` of the state that this goes on top of. */
  after: string;
  storePaths: { entry: Entry; content: string }[];
}

/** null where there is none, or none that goes with this state. */
export function readRecent(generation: string, state: State): Recent | null {
  try {
    const stored = decode<Stored>(readFileSync(join(generation, "recent")));
    if (stored.after !== state.listed) return null;
    const storePaths = stored.storePaths.map(({ entry, content }) => ({
      entry,
      content: decodeContent(entry.name, Buffer.from(content)),
    }));
    return { ...stored, storePaths };
  } catch (failure) {
    // It is not flushed: after a power cut it may be empty. Its store paths are read again.
    if (isAbsence(failure) || failure instanceof IndexDamage) return null;
    throw failure;
  }
}

/** Whether it was written: not when it is too much. @throws Error with the system's `code` */
export function writeRecent(generation: string, recent: Recent, state: State): boolean {
  if (recent.storePaths.length > mostRecent) return false;
  const storePaths = recent.storePaths.map(({ entry, content }) => ({
    entry,
    content: encodeContent(content).toString(),
  }));
  const stored: Stored = { ...recent, storePaths, after: state.listed };
  const bytes = encode(stored);
  if (bytes.length > largest) return false;
  const unfinished = join(generation, `recent-${process.pid}`);
  try {
    writeFileSync(unfinished, bytes, { mode: 0o600 });
    // ext4 flushes what replaces a file by rename(2) (ext4(5), auto_da_alloc), and waits for the disk.
    // What is not there in between is only read again.
    rmSync(join(generation, "recent"), { force: true });
    renameSync(unfinished, join(generation, "recent"));
  } catch (failure) {
    rmSync(unfinished, { force: true });
    throw failure;
  }
  return true;
}
