// The size of store paths: as recorded by Nix, or as found on disk.
import { join } from "node:path";
import { lstat, readdir } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import type { PathInfo } from "../store/nix.js";
import { hostPath, type StorePlace } from "../store/place.js";

/** The size of a store path. */
export interface Size {
  /** In bytes: Nix's narSize, or the total of all files, counting one with several names once. */
  bytes: number;
  /** `nar`: as recorded by Nix. `disk`: by its files. */
  measured: "nar" | "disk";
}

/** The sizes of store paths; `known` is what Nix reports about them. */
export async function sizesOf(
  storePaths: Iterable<string>,
  known: ReadonlyMap<string, PathInfo>,
  place: StorePlace,
): Promise<Map<string, Size>> {
  const sizes = new Map<string, Size>();
  // Nix's optimiser links equal files in different store paths: they are on disk only once.
  const seen = new Set<string>();
  for (const storePath of storePaths) {
    const recorded = known.get(storePath)?.narSize ?? null;
    sizes.set(
      storePath,
      recorded === null
        ? { bytes: await bytesBelow(hostPath(storePath, place), seen), measured: "disk" }
        : { bytes: recorded, measured: "nar" },
    );
  }
  return sizes;
}

/** What cannot be read, or has since vanished, counts as nothing. */
async function bytesBelow(path: string, seen: Set<string>): Promise<number> {
  const state = await lstat(path, { bigint: true }).catch(() => null);
  if (state === null) return 0;
  if (state.isDirectory()) {
    let sum = 0;
    for (const name of await readdir(path).catch(unlessOfTheMoment([])))
      sum += await bytesBelow(join(path, name), seen);
    return sum;
  }
  if (state.nlink > 1n) {
    const inode = `${state.dev}:${state.ino}`;
    if (seen.has(inode)) return 0;
    seen.add(inode);
  }
  return Number(state.size);
}
