// Which files the loader would open, which of them need which, and the judge's findings.
import { underSignal } from "../addon/cancellation.js";
import type { Resolution } from "../addon/facts.js";
import { checkPath } from "../base/arguments.js";
import { checkResolveOptions, type ResolveOptions, resolved } from "../file/inspect.js";
import { placeOf } from "../store/place.js";
import { problemsOfLoading } from "./judge.js";
import type { Problem } from "./problem.js";
import { entryOf, type Start } from "./start.js";

/** A resolution that also records every need: a library is opened once, but may be needed by many. */
export interface DependencyTree extends Resolution {
  /** The program first: each file's `path`, and the names that it has `needed` (DT_NEEDED), in its own order. */
  needs: { path: string; needed: string[] }[];
  /** What would keep it from starting, apart from this machine's kernel and processor. */
  problems: Problem[];
}

/**
 * The same as `resolve`, with all needs of all files.
 * @throws FixelfError as `inspect`
 */
export async function dependencyTree(
  path: string,
  options: ResolveOptions = {},
): Promise<DependencyTree> {
  checkPath("dependencyTree", path);
  checkResolveOptions("dependencyTree", options);
  const { resolution, files } = await underSignal(options.signal, () => resolved(path, options));
  const paths = [
    resolution.path,
    ...resolution.libraries.flatMap((library) => (library.path === null ? [] : [library.path])),
  ];
  const needs = [...new Set(paths)].map((each) => ({
    path: each,
    needed: files.look(each).facts?.needed ?? [],
  }));
  const { facts } = files.look(resolution.path);
  if (facts === null) return { ...resolution, needs, problems: [] }; // it has since vanished
  const host = files.hostPath(resolution.path);
  const entry = entryOf(facts, files, { environment: {}, host });
  const start: Start = {
    ...entry,
    // A different loader from the one that is there is assumed.
    ...(options.interpreter !== undefined && { at: null }),
    ...(options.nixLd !== undefined && { started: { ...options.nixLd, variable: "NIX_LD" } }),
    secure: options.secure ?? entry.secure,
    resolution,
  };
  const judged = { path: resolution.path, shown: path, facts };
  const problems = await problemsOfLoading(judged, start, { files, place: placeOf(options) });
  return { ...resolution, needs, problems };
}
