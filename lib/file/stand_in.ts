// What a stand-in loader (nix-ld, fixelf-ld) starts in its place, and with which directories.
import type { NativeFiles } from "../addon/native.js";
import type { AtInterpreter } from "./interpreter.js";
import { variableSuffix } from "./nix_system.js";

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Started {
  loader: string;
  /** What it appends to the caller's LD_LIBRARY_PATH. */
  libraryPath: string;
  /** What names the loader: a variable, or null for the default. */
  variable: string | null;
}

/**
 * The loader and the directories that the variables name: a machine-specific variable overrides the general one even if
 * empty. null if none names a loader.
 */
export function namedByVariables(system: string, environment: Environment): Started | null {
  const [variable, loader] = firstSet(namesFor("NIX_LD", system), environment);
  if (!loader) return null;
  return { loader, libraryPath: libraryPathOf(system, environment) ?? "", variable };
}

/**
 * What the stand-in starts for a system's programs; null if neither a variable nor a built-in default leads to a loader
 * (nix-ld 2, src/main.rs; native/shim/choice.cpp).
 */
export function startedBy(
  at: AtInterpreter,
  system: string,
  environment: Environment,
  files: NativeFiles,
): Started | null {
  const there = (path: string) => files.look(path).state !== "missing";
  const libraryPath = libraryPathOf(system, environment) ?? at.farms.filter(there).join(":");
  const named = namedByVariables(system, environment);
  if (named !== null) return { ...named, libraryPath };
  const farm = at.farms.find((directory) => there(`${directory}/ld.so`));
  return farm === undefined ? null : { loader: `${farm}/ld.so`, libraryPath, variable: null };
}

function libraryPathOf(system: string, environment: Environment): string | undefined {
  return firstSet(namesFor("NIX_LD_LIBRARY_PATH", system), environment)[1];
}

/** All variables that a stand-in for a system's programs reads. */
export function standInVariables(system: string): string[] {
  return [...namesFor("NIX_LD", system), ...namesFor("NIX_LD_LIBRARY_PATH", system)];
}

/** The variable that is for one machine only, and the general one. */
function namesFor(variable: string, system: string): string[] {
  return [`${variable}_${variableSuffix(system)}`, variable];
}

function firstSet(
  names: readonly string[],
  environment: Environment,
): [name: string, value: string | undefined] {
  const name = names.find((each) => environment[each] !== undefined) ?? "";
  return [name, environment[name]];
}
