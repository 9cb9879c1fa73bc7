// One file, changed as asked: all edits are one plan and one write. No choosing happens here (that is
// lib/fix); what is asked is done, or refused with the reason.
import { untilAborted } from "../addon/cancellation.js";
import { fromNative, native } from "../addon/native.js";
import type { EditRequest, NoCache } from "../addon/requests.js";
import { checkOptions, checkPath } from "../base/arguments.js";
import { outputPath, pathToChange } from "../file/rooted.js";
import { madeStateSubdirectory } from "../file/state.js";
import { checkRequest } from "./request.js";

/** How an edit is written. */
export interface EditOptions {
  /** Where the result goes; the original is left alone. It may exist, and is replaced. */
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
  /** Nothing is written where nothing changes, except that `output` is always made. */
  outcome: "changed" | "unchanged";
  /** Where each thing went and why there, one plain sentence each. */
  reasons: string[];
  /** Why a resolution cache that was asked for was not written, or null. */
  noCache: NoCache | null;
  /** The size before, in bytes. */
  oldSize: number;
  /** The size of the result, in bytes. */
  newSize: number;
}

/**
 * Changes one ELF file.
 * @throws FixelfError `unsupported` where no safe place is known, `changed` where somebody else wrote
 *   meanwhile, `not-elf`, `malformed`, `truncated`, or what the system said
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
