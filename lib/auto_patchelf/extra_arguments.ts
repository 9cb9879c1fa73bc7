// --extra-args: options of patchelf, added to what each changed file gets anyway.
import { FixelfError } from "../errors.js";
import type { Edits } from "../native.js";

/**
 * Reads patchelf's options.
 * @returns what adds them to a file's edits
 * @throws FixelfError `usage`
 */
export function extraEdits(words: readonly string[]): (edits: Edits) => Edits {
  if (words.length > 0) throw new FixelfError("usage", `unrecognized: ${words.join(" ")}`);
  return (edits) => edits;
}
