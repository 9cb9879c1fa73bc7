// Whether a directory exists.
import { statSync } from "./disk.js";

/** Whether a path leads to a directory, following links; false if that cannot be determined. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
