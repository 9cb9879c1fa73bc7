// The files that come together in one process, and what each says of itself.
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

/** What a file says of itself; null where it is no ELF file that can be read. */
export function factsOf(path: string, files: NativeFiles): Facts | null {
  return known(files, path, () => files.look(path).facts);
}

/** The subject first, then its interpreter, then its libraries in the order of loading. */
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

/** A path without symbolic links, as far as it is still there. */
export function realPathOf(path: string, files: NativeFiles): string {
  try {
    return files.realPath(path);
  } catch {
    return path; // it has vanished since it was resolved
  }
}

/**
 * A library that only a change of its own helps to what it needs, without links: where it has a DT_RUNPATH the
 * loader uses no search path of those that load it (glibc elf/dl-load.c, _dl_map_object). null for another, and for
 * one of the store, which nobody changes.
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
