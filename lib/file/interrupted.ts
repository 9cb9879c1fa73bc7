// Whether a file is half written: a fix in place was killed, and its record says how to mend it.
import { native } from "../addon/native.js";
import { realpathSync } from "../base/disk.js";
import { stateSubdirectory } from "./state.js";

/** Asked of a file that is damaged: what has no such record, or none that can be read, is not. */
export async function isInterrupted(host: string): Promise<boolean> {
  try {
    const directory = await stateSubdirectory("undo");
    const { files } = await native.recordedFiles(realpathSync(host), directory);
    return files.some(({ state }) => state === "interrupted");
  } catch {
    return false;
  }
}
