// Libraries that are there for linkers only. NVIDIA's toolkit has one of the driver in lib64/stubs, which
// fails whatever it is asked: the driver itself belongs to the kernel and comes with the system. nixpkgs
// takes such directories out of search paths likewise (removeStubsFromRunpathHook).
import { basename, dirname } from "node:path";

export function isStubDirectory(directory: string): boolean {
  return basename(directory) === "stubs";
}

/** Whether the library at a path is such a one, or a link to one. */
export function isStub(path: string, realPath: string): boolean {
  return isStubDirectory(dirname(path)) || isStubDirectory(dirname(realPath));
}
