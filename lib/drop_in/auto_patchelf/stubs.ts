// Libraries that exist only for linkers. NVIDIA's toolkit has a stub of the driver in lib64/stubs, which fails whatever
// it is asked: the driver itself belongs to the kernel and comes with the system. nixpkgs removes such directories from
// search paths too (removeStubsFromRunpathHook).
import { basename, dirname } from "node:path";

export function isStubDirectory(directory: string): boolean {
  return basename(directory) === "stubs";
}

/** Whether the library at a path is a stub, or a link to one. */
export function isStub(path: string, realPath: string): boolean {
  return isStubDirectory(dirname(path)) || isStubDirectory(dirname(realPath));
}
