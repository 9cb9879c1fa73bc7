// Whether the store's directory is unchanged: adding, removing or renaming an entry sets its times.
import { statSync } from "../../base/disk.js";
import { hostPath, type StorePlace } from "../place.js";
import type { DirectoryIdentity, State } from "./format.js";
import { isAbsence } from "./own_directory.js";

/** Nanoseconds; the coarsest file system clock (ext3 counts seconds). */
const clockGranularity = 1_000_000_000n;

/** Whether everything recorded still holds. */
export function isCurrent(
  { directory: then, listed }: Pick<State, "directory" | "listed">,
  now: DirectoryIdentity,
): boolean {
  return (
    then.device === now.device &&
    then.inode === now.inode &&
    then.modified === now.modified &&
    then.changed === now.changed &&
    !isRacy(then, listed)
  );
}

/** A change right after the listing could have left the same times (git's index takes the same precaution). */
export function isRacy({ modified, changed }: DirectoryIdentity, listed: string): boolean {
  const latest = BigInt(modified) > BigInt(changed) ? BigInt(modified) : BigInt(changed);
  return latest + clockGranularity >= BigInt(listed);
}

/** null for a store that does not exist. */
export function identityOf(place: StorePlace): DirectoryIdentity | null {
  try {
    const state = statSync(hostPath(place.store, place), { bigint: true });
    return {
      device: `${state.dev}`,
      inode: `${state.ino}`,
      modified: `${state.mtimeNs}`,
      changed: `${state.ctimeNs}`,
    };
  } catch (failure) {
    if (isAbsence(failure)) return null;
    throw failure;
  }
}
