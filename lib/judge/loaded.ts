// The files that come together in one process, and what each says of itself.
import type { Facts, Resolution } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import type { Subject } from "../file/tree.js";

export interface LoadedObject {
  /** As the loader opens it. */
  path: string;
  facts: Facts;
}

/** Facts that were handed over once need not be made again for the next program. */
const known = new WeakMap<NativeFiles, Map<string, Facts | null>>();

/** What a file says of itself; null where it is no ELF file that can be read. */
export function factsOf(path: string, files: NativeFiles): Facts | null {
  let cache = known.get(files);
  if (cache === undefined) {
    cache = new Map();
    known.set(files, cache);
  }
  let facts = cache.get(path);
  if (facts === undefined) {
    facts = files.look(path).facts;
    cache.set(path, facts);
  }
  return facts;
}

/** The subject first, then its interpreter, then its libraries in the order of loading. */
export function loadedObjects(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  files: NativeFiles,
): LoadedObject[] {
  const objects: LoadedObject[] = [{ path: subject.path, facts }];
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
