// Facts about the files on a disk are determined once, and remembered as long as the NativeFiles object lives.
import type { NativeFiles } from "./native.js";

/** A separate memory for each `NativeFiles`; `make` is called the first time a key is requested. */
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
