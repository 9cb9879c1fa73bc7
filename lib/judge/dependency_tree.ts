// Which files the loader would open, who needs which, and what the judge says of it.
import { underSignal } from "../addon/cancellation.js";
import type { Resolution } from "../addon/facts.js";
import { checkPath } from "../base/arguments.js";
import { checkResolveOptions, type ResolveOptions, resolved } from "../file/inspect.js";
import { placeOf } from "../store/place.js";
import { problemsOfLoading } from "./judge.js";
import type { Problem } from "./problem.js";
import { entryOf, type Start } from "./start.js";

/** A resolution, with what each library is needed by: a library is opened once, and may be needed by many. */
export interface DependencyTree extends Resolution {
  /**
   * The program first: each file's `path`, and the names that it has `needed` (DT_NEEDED), in its own order.
   */
  needs: { path: string; needed: string[] }[];
  /** What would keep it from starting, this machine's kernel and processor apart. */
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
  if (facts === null) return { ...resolution, needs, problems: [] }; // it has gone since
  const host = files.hostPath(resolution.path);
  const entry = entryOf(facts, files, { environment: {}, host });
  const start: Start = {
    ...entry,
    // Another loader is assumed than the one that is there.
    ...(options.interpreter !== undefined && { at: null }),
    ...(options.nixLd !== undefined && { started: { ...options.nixLd, variable: "NIX_LD" } }),
    secure: options.secure ?? entry.secure,
    resolution,
  };
  const judged = { path: resolution.path, shown: path, facts };
  const problems = await problemsOfLoading(judged, start, { files, place: placeOf(options) });
  return { ...resolution, needs, problems };
}
