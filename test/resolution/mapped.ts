// What a program that was really run had mapped, and what fixelf reports that it would have.
import { basename } from "node:path";
import type { Resolution } from "../../lib/index.js";
import type { Answer } from "./answer.js";

/** From the program's own /proc/self/maps, or from what the loader printed before it gave up. */
export function mappedAnswer(output: string, notLibraries: readonly string[]): Answer {
  const failure =
    /error while loading shared libraries: (.*?): /.exec(output) ??
    /^Error loading shared library (.*): .* \(needed by /m.exec(output);
  if (failure?.[1]) return { libraries: [], versions: [], stop: basename(failure[1]) };
  const paths = new Set<string>();
  for (const [, path = ""] of output.matchAll(/^[0-9a-f]+-[0-9a-f]+ .*? (\/.*)$/gm))
    if (!notLibraries.includes(path)) paths.add(path);
  return { libraries: [...paths].sort(), versions: [], stop: null };
}

/** `realPath` maps what the loader opens to the kernel's name for it. */
export function ownMapped(
  { libraries }: Resolution,
  notLibraries: readonly string[],
  realPath: (path: string) => string,
): Answer {
  const missing = libraries.find(({ path, optional }) => path === null && !optional);
  if (missing) return { libraries: [], versions: [], stop: basename(missing.soname) };
  const paths = libraries.flatMap(({ path }) => (path === null ? [] : [realPath(path)]));
  const others = paths.filter((path) => !notLibraries.includes(path));
  return { libraries: [...new Set(others)].sort(), versions: [], stop: null };
}
