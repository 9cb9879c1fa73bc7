// symbol-missing, for a module: dlopen(3) binds its data at once, and its functions too if asked to (RTLD_NOW, as
// CPython does) or if the module says so. It looks in what the program has loaded, in the module and in what that
// needs: the same files as if the module were preloaded, so that is what the core is asked to resolve.
import { basename } from "node:path";
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { resolveWith } from "../addon/resolutions.js";
import type { LoadingProgram } from "./loading_program.js";
import type { Problem } from "./problem.js";
import { described } from "./symbols.js";

const mostNamed = 12;

/**
 * Only a warning: an earlier module may have been opened with RTLD_GLOBAL, and then its definitions count too.
 * @param program the one that opens it
 */
export async function openingProblems(
  { path, facts }: { path: string; facts: Facts },
  program: LoadingProgram | null,
  files: NativeFiles,
): Promise<Problem[]> {
  // LD_PRELOAD is split at these characters.
  if (program === null || facts.type !== "shared-library" || /[\s:]/.test(path)) return [];
  const { missingSymbols } = await resolveWith(files, program.path, {
    preload: path,
    symbols: true,
    bindNow: /^python[\d.]*$/.test(basename(program.path)), // DLOPENFLAGS of Python/import.c
    tried: false,
  });
  const missing = missingSymbols.filter(({ neededBy }) => neededBy === path);
  const [first] = missing;
  if (first === undefined) return [];
  const more = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  return [
    {
      code: "symbol-missing",
      severity: "warning",
      message: `neither ${program.path} nor what it and this module need defines ${described(first)}${more}, so that it cannot be opened, unless an earlier module does`,
      evidence: missing.slice(0, mostNamed).map((each) => `${path} needs ${described(each)}`),
      remedy: `Get a build of ${basename(path)} for this ${basename(program.path)}`,
      need: null,
    },
  ];
}
