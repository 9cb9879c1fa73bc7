// Whether a file is half written: an in-place fix was killed, and its record tells how to repair it.
import { fromNative, native } from "../addon/native.js";
import { stateSubdirectory } from "./state.js";

/**
 * For a damaged file.
 * @throws FixelfError if a record that may be the file's cannot be read
 */
export async function isInterrupted(host: string): Promise<boolean> {
  const directory = await stateSubdirectory("undo");
  const { files, failures } = await native.recordedFiles(native.realPath(host), directory);
  if (files.some(({ state }) => state === "interrupted")) return true;
  const [failure] = failures;
  if (failure !== undefined) throw fromNative(failure);
  return false;
}
