// The variables through which nix-ld, and fixelf's own stand-in, find loader and libraries.
import { join } from "node:path";
import { native } from "../addon/native.js";
import { checkMade } from "../base/arguments.js";
import { variableSuffix } from "../file/nix_system.js";
import type { Environment, SystemEnvironment } from "./environment.js";

/** Name and value, in display order. */
export type Variables = [name: string, value: string][];

/**
 * The variables for each machine and, for this machine's own (or the only one there is), also those without a machine's
 * name. With a farm, only the farm is named.
 * @param farm the directory of links that replaces all others
 * @throws FixelfError `usage` if it is not an environment
 */
export function variables(environment: Environment, farm: string | null = null): Variables {
  checkMade("variables", "the environment", "environment()", environment, { systems: "list" });
  const { systems } = environment;
  return systems.flatMap((environment) => {
    const { loader, libraryPath } = startWith(environment, farm);
    const names = variableNames(environment, systems);
    return names.flatMap(({ loader: name, libraryPath: pathName }): Variables => {
      const path: Variables = libraryPath === "" ? [] : [[pathName, libraryPath]];
      return [[name, loader], ...path];
    });
  });
}

interface VariableNames {
  loader: string;
  libraryPath: string;
}

/** The names of the variables for a machine, the shortest first. */
export function variableNames(
  { system, own }: Pick<SystemEnvironment, "system" | "own">,
  systems: readonly unknown[],
): [VariableNames, ...VariableNames[]] {
  const suffix = variableSuffix(system);
  const general = { loader: "NIX_LD", libraryPath: "NIX_LD_LIBRARY_PATH" };
  const special = { loader: `NIX_LD_${suffix}`, libraryPath: `NIX_LD_LIBRARY_PATH_${suffix}` };
  return own || systems.length === 1 ? [general, special] : [special];
}

/** The loader, and the value for its `--library-path`. */
export function startWith(
  { loader, directories }: Pick<SystemEnvironment, "loader" | "directories">,
  farm: string | null = null,
): { loader: string; libraryPath: string } {
  if (farm === null) return { loader, libraryPath: directories.join(":") };
  return { loader: join(farm, "ld.so"), libraryPath: farm };
}

/**
 * Directories that a search path cannot name: the loader treats ":" and ";" as separators, and expands $ORIGIN, $LIB
 * and $PLATFORM.
 */
export function unspeakable(directories: readonly string[]): string[] {
  return directories.filter((directory) => /[:;]/.test(directory) || native.hasTokens(directory));
}
