// What a loader reports that it would open, and what fixelf reports, in one form that can be
// compared.
import { basename, normalize } from "node:path";
import type { Resolution } from "../../lib/index.js";

export interface Answer {
  /** `name → path` or `name → not found`, in the loader's order. */
  libraries: string[];
  /** Missing versions, in no order. */
  versions: string[];
  /** The path or name at which the loader stops, or null. */
  stop: string | null;
}

const notFound = "not found";

/** Reads the output of a traced run of glibc's loader, or of musl's `--list`. */
export function loaderAnswer(output: string, interpreters: string[], directory: string): Answer {
  const libraries = new Map<string, string>();
  const lines: string[] = [];
  const versions = new Set<string>();
  let stop: string | null = null;
  const absolute = (path: string) =>
    normalize(path.startsWith("/") ? path : `${directory}/${path}`);
  const add = (name: string, path: string) => {
    if (path !== notFound && interpreters.includes(path)) return;
    const key = name.includes("/") && path !== notFound ? absolute(path) : name;
    if (path === notFound && libraries.get(key) === notFound) return;
    libraries.set(key, path);
    lines.push(`${key} → ${path === notFound ? path : absolute(path)}`);
  };
  for (const line of output.split("\n")) {
    const listed = /^\t(.*) => (.*?)(?: \(0x[0-9a-f]+\))?$/.exec(line);
    const alone = /^\t(.*) \(0x[0-9a-f]+\)$/.exec(line);
    const preload = /object '(.*)' from .* cannot be preloaded/.exec(line);
    const musl = /^Error loading shared library (.*): .* \(needed by .*\)$/.exec(line);
    const version = /: version `(.*)' not found \(required by (.*)\)$/.exec(line);
    const weak = /: weak version `(.*)' not found \(required by (.*)\)$/.exec(line);
    const none = /: (.*): no version information available \(required by (.*)\)$/.exec(line);
    const fatal = /error while loading shared libraries: (.*?): (?!cannot open shared)/.exec(line);
    if (listed?.[1] !== undefined && listed[2] !== undefined) add(listed[1], listed[2]);
    else if (alone?.[1]?.startsWith("linux-")) continue;
    else if (alone?.[1]) add(alone[1], alone[1]);
    else if (preload?.[1]) add(preload[1], notFound);
    else if (musl?.[1] !== undefined) add(musl[1], notFound);
    else if (weak?.[1] && weak[2]) versions.add(`${weak[1]} for ${absolute(weak[2])}, weak`);
    else if (version?.[1] && version[2]) versions.add(`${version[1]} for ${absolute(version[2])}`);
    else if (none?.[1] && none[2])
      versions.add(`none in ${absolute(none[1])} for ${absolute(none[2])}`);
    else if (fatal?.[1]) stop = fatal[1];
  }
  return { libraries: lines, versions: [...versions].sort(), stop };
}

/** fixelf's answer, in the loader's form. */
export function ownAnswer(resolution: Resolution, interpreters: string[]): Answer {
  const libraries = new Map<string, string>();
  const lines: string[] = [];
  let stop: string | null = null;
  const musl = resolution.libc === "musl";
  for (const { soname, path, reason, tried, optional, kind, neededBy } of resolution.libraries) {
    // Filters of the examined object come before it in the loader's list, and are not reported.
    if ((kind === "filter" || kind === "auxiliary") && neededBy === resolution.path) continue;
    // musl does not mention what it cannot preload.
    if (musl && optional && path === null) continue;
    // The loader lists objects, fixelf lists names.
    if (reason.startsWith("already loaded for") || reason === "the program itself") continue;
    if (path !== null && interpreters.includes(path)) continue;
    if (reason.startsWith("the loader stops at") && !musl) stop ??= tried.at(-1)?.path ?? "";
    // The loader prints a name with its tokens expanded.
    const tokens = soname.includes("$") && !resolution.path.includes("$");
    const name = tokens ? basename(path ?? tried.at(-1)?.path ?? soname) : soname;
    const key = soname.includes("/") && path !== null ? normalize(path) : name;
    libraries.set(key, path ?? notFound);
    lines.push(`${key} → ${path === null ? notFound : normalize(path)}`);
  }
  // musl goes on.
  if (!musl) stop ??= resolution.relrProblems[0] ?? null;
  const versions = [
    ...resolution.versionProblems.map(
      ({ version, neededBy, weak }) => `${version} for ${neededBy}${weak ? ", weak" : ""}`,
    ),
    ...resolution.unversionedLibraries.map(
      ({ providerPath, neededBy }) => `none in ${providerPath} for ${neededBy}`,
    ),
  ];
  return { libraries: lines, versions: [...new Set(versions)].sort(), stop };
}

/** A loader that stops has not reported what it had found, and may give only the name. */
export function comparable(answer: Answer, unordered: boolean): Answer {
  if (answer.stop !== null) return { libraries: [], versions: [], stop: basename(answer.stop) };
  return unordered ? { ...answer, libraries: [...answer.libraries].sort() } : answer;
}
