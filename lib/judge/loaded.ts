// The files that come together in one process, and each one's facts.
import type { Facts, Resolution } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { remembered } from "../addon/remembered.js";
import { inStore, type StorePlace } from "../store/place.js";

export interface LoadedObject {
  /** As the loader opens it. */
  path: string;
  facts: Facts;
}

const known = remembered<Facts | null>();

/** A file's facts; null if it is not a readable ELF file. */
export function factsOf(path: string, files: NativeFiles): Facts | null {
  return known(files, path, () => files.look(path).facts);
}

/** The subject first, then its interpreter, then its libraries in load order. */
export function loadedObjects(
  { path: own }: { path: string },
  facts: Facts,
  resolution: Resolution,
  files: NativeFiles,
): LoadedObject[] {
  const objects: LoadedObject[] = [{ path: own, facts }];
  const { interpreter, libraries } = resolution;
  const paths = [
    ...(interpreter.found && interpreter.path !== null ? [interpreter.path] : []),
    ...libraries.flatMap(({ path }) => (path === null ? [] : [path])),
  ];
  for (const path of new Set(paths)) {
    const each = factsOf(path, files);
    if (each !== null) objects.push({ path, facts: each });
  }
  return objects;
}

/** The path without symbolic links, as long as it still exists. */
export function realPathOf(path: string, files: NativeFiles): string {
  try {
    return files.realPath(path);
  } catch {
    return path; // it has vanished since it was resolved
  }
}

/**
 * The path, without links, of a library that needs to be changed itself to find what it needs: if it has a DT_RUNPATH,
 * the loader does not use the search paths of the files that load it (glibc elf/dl-load.c, _dl_map_object). null for
 * any other, and for one in the store, which cannot be changed.
 */
export function searchingAlone(
  path: string,
  files: NativeFiles,
  { place }: { place: StorePlace },
): string | null {
  const real = realPathOf(path, files);
  const alone = (factsOf(path, files)?.runpath ?? null) !== null;
  return alone && !inStore(real, place.store) ? real : null;
}
