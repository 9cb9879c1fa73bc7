// Which files the loader would open, which of them need which, and the judge's findings.
import { underSignal } from "../addon/cancellation.js";
import type { Resolution } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { checkPath } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { checkResolveOptions, type ResolveOptions, resolved } from "../file/inspect.js";
import { insideRoot } from "../file/rooted.js";
import { placeOf } from "../store/place.js";
import { problemsOfLoading } from "./judge.js";
import { loadingProgram, whyNotLoaded } from "./loading_program.js";
import type { Problem } from "./problem.js";
import { type Entry, entryOf, type Start } from "./start.js";

/** A resolution that also records every need: a library is opened once, but may be needed by many. */
export interface DependencyTree extends Resolution {
  /** The program first: each file's `path`, and the names that it has `needed` (DT_NEEDED), in its own order. */
  needs: { path: string; needed: string[] }[];
  /** What would keep it from starting, apart from this machine's kernel and processor. */
  problems: Problem[];
}

/**
 * The same as `resolve`, with all needs of all files.
 * @throws FixelfError as `inspect`; `unsupported` for a library that the named program cannot load, and `usage` if what
 *   was named is not a program with a loader
 */
export async function dependencyTree(
  path: string,
  options: ResolveOptions = {},
): Promise<DependencyTree> {
  checkPath("dependencyTree", path);
  checkResolveOptions("dependencyTree", options);
  return underSignal(options.signal, () => treeOf(path, options));
}

async function treeOf(path: string, options: ResolveOptions): Promise<DependencyTree> {
  const opener = options.interpreter === undefined ? openerOf(path, options) : null;
  const assumed = { ...options, ...opener?.assumed };
  const { resolution, files } = await resolved(path, assumed, opener?.path);
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
  const entry = opener?.entry ?? entryOf(facts, files, { environment: {}, host });
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

/** How the program that was named for a library is started, and what that means for the library; null without one. */
function openerOf(
  path: string,
  options: ResolveOptions,
): { path: string; entry: Entry; assumed: ResolveOptions } | null {
  if (options.program === undefined) return null;
  const { path: place, host, outside } = insideRoot(path, options);
  const system = placeOf(options);
  const files = new native.Files(system.root);
  if (outside) files.passThrough(host);
  const { facts } = files.look(place);
  if (facts === null) return null; // `resolved` says why
  const named = { program: options.program, system };
  const why = whyNotLoaded(facts, named, files);
  if (why !== null) throw new FixelfError("unsupported", `${path}: ${why}`, { path });
  const loading = loadingProgram(place, facts, named, files);
  if (loading === null) return null;
  const entry = entryOf(facts, files, { assumed: loading.loader, environment: {}, host });
  const nixLd = options.nixLd ?? entry.started;
  const interpreter = nixLd?.loader ?? loading.loader;
  const assumed = { interpreter, ...(nixLd !== null && { nixLd }) };
  return { path: loading.path, entry, assumed };
}
