// The program that loads a library, if it is not among the files that were named: a module for Python or Node runs in
// whatever process opens it, with that process's loader and libc.
import { dirname, join } from "node:path";
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { remembered } from "../addon/remembered.js";
import { FixelfError } from "../base/errors.js";
import { libcAndMachine } from "../file/company.js";
import { libcOf } from "../file/libc.js";
import { sameMachine } from "../file/machine.js";
import { insideRoot, type OtherSystem } from "../file/rooted.js";
import { factsOf, realPathOf } from "./loaded.js";

export interface LoadingProgram {
  /** As named or found. */
  path: string;
  /** The loader that starts it, which may be missing. */
  loader: string;
  facts: Facts;
}

/** The program that was named for libraries (`--for`), and the system that it belongs to. */
export interface Named {
  program: string | undefined;
  system: OtherSystem;
}

/** The names under which a virtual environment has its Python (PEP 405). */
const pythons = ["bin/python", "bin/python3"];

const environments = remembered<LoadingProgram | null>();

/**
 * The program that was named, or the Python of the virtual environment that the library is in, usually a link that
 * leads out of it. null if there is neither, or it would not load such a library.
 * @throws FixelfError `usage` if what was named is not a program with a loader
 */
export function loadingProgram(
  path: string,
  facts: Facts,
  { program, system }: Named,
  files: NativeFiles,
): LoadingProgram | null {
  if (facts.type !== "shared-library") return null;
  if (program !== undefined) return whoFits(namedProgram(program, system, files), facts);
  for (let at = dirname(path); ; at = dirname(at)) {
    const found = environments(files, at, () => pythonOf(at, files));
    if (found !== null) return whoFits(found, facts);
    if (at === dirname(at)) return null;
  }
}

/**
 * Why the program that was named for a library cannot load it: "… is for glibc on x86-64 (ELF64), and …". null if it
 * can, or if none was named.
 * @throws FixelfError `usage` if what was named is not a program with a loader
 */
export function whyNotLoaded(
  facts: Facts,
  { program, system }: Named,
  files: NativeFiles,
): string | null {
  if (program === undefined || facts.type !== "shared-library") return null;
  const named = namedProgram(program, system, files);
  if (fits(named, facts)) return null;
  return `${program} is for ${libcAndMachine(named.facts)}, and cannot load a library for ${libcAndMachine(facts)}`;
}

function whoFits(program: LoadingProgram, library: Facts): LoadingProgram | null {
  return fits(program, library) ? program : null;
}

function fits({ facts }: LoadingProgram, library: Facts): boolean {
  return sameMachine(facts, library) && libcOf(facts) === libcOf(library);
}

function pythonOf(directory: string, files: NativeFiles): LoadingProgram | null {
  if (files.look(join(directory, "pyvenv.cfg")).state === "missing") return null;
  for (const name of pythons) {
    const found = programAt(join(directory, name), files);
    if (found !== null) return found;
  }
  return null;
}

function namedProgram(path: string, system: OtherSystem, files: NativeFiles): LoadingProgram {
  const { path: place, outside } = insideRoot(path, system);
  const found = programAt(place, files);
  if (found !== null) return found;
  const { message } = files.look(place);
  const said = message === "" ? "it is no program that a loader starts" : message;
  const why = outside ? `it is outside of ${system.root}` : said;
  throw new FixelfError("usage", `--for ${path}: ${why}`, { path });
}

function programAt(path: string, files: NativeFiles): LoadingProgram | null {
  const facts = factsOf(realPathOf(path, files), files);
  if (facts === null || facts.interpreter === null || facts.type === "shared-library") return null;
  return { path, loader: facts.interpreter, facts };
}
