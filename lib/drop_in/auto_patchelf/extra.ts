// The words of --extra-args: options of patchelf for every file that is changed.
import { readFileSync } from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { parse } from "../patchelf/arguments.js";
import { readNameMap } from "../patchelf/name_map.js";
import type { PatchelfChanges } from "../patchelf/options.js";

/**
 * What the words ask for.
 * @throws FixelfError `usage` where they are no options for one file
 */
export function extraChanges(words: readonly string[]): PatchelfChanges {
  const invocation = parse(["FILE", ...words], (file) => readFileSync(file, "utf8"));
  if ("help" in invocation || "version" in invocation || invocation.questions.size > 0)
    throw wrong("only options that change a file");
  const { files, options, nameMaps } = invocation;
  const [, stray] = files;
  if (stray !== undefined) throw wrong(`no option of patchelf: ${stray}`);
  const { output, ...changes } = options;
  if (output !== undefined) throw wrong("not --output: each file is changed where it is");
  return { ...changes, renameDynamicSymbols: nameMaps.flatMap(readNameMap) };
}

function wrong(message: string): FixelfError {
  return new FixelfError("usage", `--extra-args takes ${message}`);
}
