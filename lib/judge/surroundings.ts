// What a verdict depends on besides the file itself.
import type { NativeFiles } from "../addon/native.js";
import { type StorePlace, storePathOf } from "../store/place.js";
import type { Host } from "./host.js";

export interface Surroundings {
  files: NativeFiles;
  place: StorePlace;
  /** null for another system's root: only its own kernel could tell. */
  host: Host | null;
}

/** The store path that a path leads into, if that store path is gone. */
export function collectedStorePath(
  path: string,
  { place, files }: Pick<Surroundings, "files" | "place">,
): string | null {
  const storePath = storePathOf(path, place.store);
  if (storePath === null) return null;
  try {
    files.realPath(storePath);
    return null;
  } catch {
    return storePath;
  }
}
