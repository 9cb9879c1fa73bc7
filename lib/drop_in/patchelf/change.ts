// Changing one file as patchelf's options ask: the command and the function of the API.
import type { Facts } from "../../addon/facts.js";
import type { EditOutcome } from "../../edit/edit.js";
import { write } from "./destination.js";
import { editsOf } from "./edits.js";
import type { PatchelfOptions } from "./options.js";

/** @throws FixelfError */
export async function change(
  file: string,
  facts: Facts,
  options: PatchelfOptions,
): Promise<EditOutcome> {
  const { edits, passedOver } = editsOf(options, facts);
  const outcome = await write(file, options.output ?? null, edits);
  // The search path is shrunk as it is written: what went is known only now.
  if (outcome !== null)
    return { ...outcome, path: file, reasons: [...passedOver, ...outcome.reasons] };
  return {
    path: file,
    outcome: "unchanged",
    reasons: passedOver,
    noCache: null,
    oldSize: facts.size,
    newSize: facts.size,
  };
}
