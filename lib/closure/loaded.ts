// Which files the loader would open for the programs and libraries in a tree, and the store paths that they are in.

import type { Facts, Resolution } from "../addon/facts.js";
import type { Circumstances } from "../doctor/circumstances.js";
import { isOpenedByLoaders } from "../file/kind.js";
import type { Subject } from "../file/tree.js";
import { assumedLoader } from "../judge/assumed_loader.js";
import { startOf } from "../judge/start.js";
import { realPathIn, storePathOf } from "../store/place.js";
import type { Linked } from "./links.js";

/** A file that the loader, or for an interpreter the kernel, would open. */
export interface LoadedFile {
  /** As it would be opened, including symbolic links. */
  path: string;
  /** The first file that needs it. */
  neededBy: string;
}

export interface Loaded {
  /** How many programs and libraries were examined individually. */
  examined: number;
  /** Store path → its files that would be opened. Both a link's store path and its target's count. */
  byStorePath: Map<string, LoadedFile[]>;
  /** Files outside the store. */
  outside: LoadedFile[];
  notFound: { soname: string; neededBy: string }[];
}

/**
 * Follows the loader's search for each program, then for each library that no program opens: those in the tree, and
 * what its links lead to.
 */
export async function findLoaded(
  circumstances: Circumstances,
  linked: readonly Linked[],
): Promise<Loaded> {
  const { tree, files, options } = circumstances;
  const loaded: Loaded = { examined: 0, byStorePath: new Map(), outside: [], notFound: [] };
  const opened = new Set<string>();
  for (const { link, subject } of linked) {
    const storePath = storePathOf(subject.path, circumstances.place.store);
    if (storePath !== null) addFile(loaded, storePath, { path: subject.path, neededBy: link });
  }
  const resolveAll = async (subjects: { subject: Subject; facts: Facts }[]) => {
    for (const { subject, facts } of subjects) {
      // What a program opens is found through that program's search path, not the library's own.
      if (opened.has(subject.path)) continue;
      loaded.examined++;
      if (!isOpenedByLoaders(facts) || isStatic(facts)) continue;
      const { resolution } = await startOf(subject.path, facts, files, {
        assumed: await assumedLoader(subject.path, facts, circumstances),
        environment: { LD_LIBRARY_PATH: options.libraryPath },
        host: subject.host,
      });
      // A library's interpreter is an assumption, not something that it needs.
      await add(resolution, facts.interpreter, circumstances, opened, loaded);
    }
  };
  const all = [...tree.subjects, ...linked.map(({ subject }) => subject)];
  const subjects = all.flatMap((subject) =>
    subject.facts === null ? [] : [{ subject, facts: subject.facts }],
  );
  await resolveAll(subjects.filter(({ facts }) => facts.type !== "shared-library"));
  await resolveAll(subjects.filter(({ facts }) => facts.type === "shared-library"));
  return loaded;
}

function isStatic({ type }: Facts): boolean {
  return type === "static" || type === "static-pie";
}

async function add(
  { path: subject, interpreter, libraries }: Resolution,
  ownInterpreter: string | null,
  { place }: Circumstances,
  opened: Set<string>,
  loaded: Loaded,
): Promise<void> {
  const found: LoadedFile[] = [];
  if (ownInterpreter !== null) {
    if (interpreter.found) found.push({ path: ownInterpreter, neededBy: subject });
    else loaded.notFound.push({ soname: ownInterpreter, neededBy: subject });
  }
  for (const { soname, path, neededBy, optional } of libraries) {
    if (path !== null) found.push({ path, neededBy });
    else if (!optional && !loaded.notFound.some((other) => other.soname === soname))
      loaded.notFound.push({ soname, neededBy });
  }
  for (const file of found) {
    if (opened.has(file.path)) continue;
    const real = await realPathIn(file.path, place);
    opened.add(file.path);
    if (real !== null) opened.add(real);
    const storePaths = [file.path, real ?? file.path].map((at) => storePathOf(at, place.store));
    for (const storePath of new Set(storePaths)) {
      if (storePath !== null) addFile(loaded, storePath, file);
    }
    if (storePaths.every((storePath) => storePath === null)) loaded.outside.push(file);
  }
}

function addFile({ byStorePath }: Loaded, storePath: string, file: LoadedFile): void {
  const files = byStorePath.get(storePath);
  if (files === undefined) byStorePath.set(storePath, [file]);
  else if (!files.some(({ path }) => path === file.path)) files.push(file);
}
