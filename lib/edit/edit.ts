// One file, changed as requested: all edits are one plan and one write. No choosing happens here (that is lib/fix);
// what is requested is done, or refused with the reason.
import { untilAborted } from "../addon/cancellation.js";
import { fromNative, native } from "../addon/native.js";
import type { EditRequest, NoCache } from "../addon/requests.js";
import { checkOptions, checkPath } from "../base/arguments.js";
import { outputPath, pathToChange } from "../file/rooted.js";
import { madeStateSubdirectory } from "../file/state.js";
import { checkRequest } from "./request.js";

/** How an edit is written. */
export interface EditOptions {
  /** Where the result goes; the original is left alone. An existing file is replaced. */
  output?: string;
  /** Write only the changed bytes into the file itself. */
  inPlace?: boolean;
  /** Keep what `undo` needs (default: true, except with `output`). */
  undo?: boolean;
  /** Ends the call before anything is written: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/** What an edit did. */
export interface EditOutcome {
  /** As the caller named it. */
  path: string;
  /** If nothing changes, nothing is written, except that `output` is always created. */
  outcome: "changed" | "unchanged";
  /** Where each part went and why there, one plain sentence each. */
  reasons: string[];
  /** Why a requested resolution cache was not written, or null. */
  noCache: NoCache | null;
  /** The size before, in bytes. */
  oldSize: number;
  /** The size of the result, in bytes. */
  newSize: number;
}

/**
 * Changes one ELF file.
 * @throws FixelfError `unsupported` if no safe place for the change is known, `changed` if something else wrote to it
 *   meanwhile, `not-elf`, `malformed`, `truncated`, or the system's own error
 */
export async function edit(
  path: string,
  request: EditRequest,
  options: EditOptions = {},
): Promise<EditOutcome> {
  checkPath("edit", path);
  checkRequest("edit", request);
  checkOptions<EditOptions>("edit", options, {
    output: "path",
    inPlace: "boolean",
    undo: "boolean",
    signal: "AbortSignal",
  });
  return untilAborted(options.signal, () => change(path, request, options));
}

async function change(
  path: string,
  request: EditRequest,
  options: EditOptions,
): Promise<EditOutcome> {
  const host = pathToChange(path);
  const output = options.output === undefined ? host : outputPath(options.output);
  const layout = await native.layOutRequest(host, request);
  const { reasons, noCache, oldSize, newSize } = layout;
  const unchanged = layout.ranges.length === 0 && oldSize === newSize;
  if (!unchanged || output !== host) {
    const records = (options.undo ?? output === host) ? await madeStateSubdirectory("undo") : "";
    const inPlace = options.inPlace ?? false;
    const [failure] = await native.apply([{ path: host, output, layout, inPlace }], records);
    if (failure) throw fromNative(failure);
  }
  return { path, outcome: unchanged ? "unchanged" : "changed", reasons, noCache, oldSize, newSize };
}
