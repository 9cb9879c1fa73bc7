// symbol-missing: the loader reports "symbol lookup error: …: undefined symbol: …", musl's "Error relocating …: symbol
// not found". Only what is bound at start counts: data, and functions in files that bind everything at once (-z now,
// LD_BIND_NOW, musl). What is bound when called may never be called.
import { basename } from "node:path";
import type { MissingSymbol, Resolution } from "../addon/facts.js";
import { shellWord } from "../base/shell.js";
import { becauseOfPreload } from "./preloaded.js";
import type { Problem } from "./problem.js";

const mostNamed = 12;

/** One problem for each file that needs symbols. */
export function symbolProblems({ missingSymbols, interpreter, libraries }: Resolution): Problem[] {
  return [...byFile(missingSymbols)].map(([path, missing]) => {
    const preload = becauseOfPreload(path, { libraries });
    const [first, ...others] = missing as [MissingSymbol, ...MissingSymbol[]];
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return {
      code: "symbol-missing",
      severity: "error",
      message: `no file that is loaded defines ${described(first)}${more}, which ${path} needs as soon as it is loaded`,
      evidence: [
        ...missing.slice(0, mostNamed).map((each) => `${path} needs ${described(each)}`),
        `${interpreter.path} would bind ${missing.length === 1 ? "it" : "them"} at start, and look in all files that are loaded`,
        ...(preload?.evidence ?? []),
      ],
      remedy: preload?.remedy ?? remedyFor(path, first, libraries),
      need: null,
    };
  });
}

export function described({ symbol, version }: MissingSymbol): string {
  return version === null ? symbol : `${symbol} (version ${version})`;
}

/**
 * The library that should define it comes from another build; without a name, it is unknown which library that would
 * be.
 */
function remedyFor(
  path: string,
  { library }: MissingSymbol,
  libraries: Resolution["libraries"],
): string {
  const provider = libraries.find(({ soname }) => soname === library)?.path;
  if (provider != null)
    return `Get the ${library} that ${basename(path)} was linked with in place of ${provider}, which is another build`;
  const command = `fixelf tree ${shellWord(path)}`;
  return `Get builds that belong together of ${path} and its libraries (${command} lists them): one of them is older or newer than it was linked with`;
}

function byFile(missing: readonly MissingSymbol[]): Map<string, MissingSymbol[]> {
  const files = new Map<string, MissingSymbol[]>();
  for (const each of missing) files.set(each.neededBy, [...(files.get(each.neededBy) ?? []), each]);
  return files;
}
