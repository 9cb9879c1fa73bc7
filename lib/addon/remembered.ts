// What was found out about the files of a disk is found out once: it lives as long as they do.
import type { NativeFiles } from "./native.js";

/** A memory of its own for each `NativeFiles`; `make` is called at the first question for a key. */
export function remembered<T>(): (files: NativeFiles, key: string, make: () => T) => T {
  const memories = new WeakMap<NativeFiles, Map<string, T>>();
  return (files, key, make) => {
    const memory = memories.get(files) ?? new Map<string, T>();
    memories.set(files, memory);
    const present = memory.get(key);
    if (present !== undefined || memory.has(key)) return present as T;
    const made = make();
    memory.set(key, made);
    return made;
  };
}
