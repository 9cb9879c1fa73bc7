// What a planned file is to say, asked for in patchelf's words, so that the words of --extra-args
// mean beside them what they mean to patchelf.
import type { Edits } from "../../addon/native.js";
import { readFileSync } from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { editsFor } from "../../edit/request.js";
import { parse, type Request } from "../patchelf/arguments.js";
import { editsOf as requestFor } from "../patchelf/edits.js";
import { parseNameMap } from "../patchelf/name_map.js";
import type { FilePlan } from "./plan.js";

/**
 * The edits of a file that is not left alone; null where it stays as it is.
 * @throws FixelfError `usage`, or PatchelfFailure, where the extra words are no options for one file
 */
export function editsOf(plan: FilePlan, extra: readonly string[]): Edits | null {
  const { facts, interpreter, searchPath, searchPathTag, renamings } = plan;
  if (interpreter === null && searchPath === null) return null;
  const words = [
    ...(interpreter === null ? [] : ["--set-interpreter", interpreter]),
    ...(searchPath === null ? [] : ["--set-rpath", searchPath]),
    ...(searchPathTag === "rpath" ? ["--force-rpath"] : []),
    ...renamings.flatMap(({ from, to }) => ["--replace-needed", from, to]),
  ];
  const asked = invocation([...words, ...extra]);
  const symbols = asked.nameMaps.flatMap((file) => parseNameMap(contentOf(file), file));
  const request = requestFor(asked, symbols, facts, () => {});
  return request && editsFor(request, facts).edits;
}

/**
 * Checks the words of --extra-args before anything is changed.
 * @throws as `editsOf`
 */
export function checkExtraArguments(extra: readonly string[]): void {
  invocation(extra);
}

function invocation(words: readonly string[]): Request {
  const request = parse(["FILE", ...words], contentOf);
  if ("help" in request || "version" in request || request.questions.size > 0)
    throw wrong("only options that change a file");
  const [, stray] = request.files;
  if (stray !== undefined) throw wrong(`no option of patchelf: ${stray}`);
  if (request.output !== null) throw wrong("not --output: each file is changed where it is");
  return request;
}

function wrong(message: string): FixelfError {
  return new FixelfError("usage", `--extra-args takes ${message}`);
}

function contentOf(file: string): string {
  return readFileSync(file, "utf8");
}
