// Whether a directory is there.
import { statSync } from "./disk.js";

/** Whether a path leads to a directory, links followed; no where that cannot be told. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
