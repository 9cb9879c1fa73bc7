// The variables by which nix-ld, and fixelf's own stand-in, find loader and libraries.
import { join } from "node:path";
import { native } from "../addon/native.js";
import { checkMade } from "../base/arguments.js";
import { variableSuffix } from "../file/nix_system.js";
import type { Environment, SystemEnvironment } from "./environment.js";

/** Name and value, in the order in which they are to be shown. */
export type Variables = [name: string, value: string][];

/**
 * Those for one machine only, and for this machine's own (or the only one there is) those without
 * its name too. With a farm, nothing but the farm is named.
 * @param farm the directory of links that replaces all others
 * @throws FixelfError `usage` where it is no environment
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

/** How the variables for a machine are called, the shortest name first. */
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
 * Directories that a search path can't name: the loader takes ":" and ";" for what is between two, and puts a
 * value in the place of $ORIGIN, $LIB and $PLATFORM.
 */
export function unspeakable(directories: readonly string[]): string[] {
  return directories.filter((directory) => /[:;]/.test(directory) || native.hasTokens(directory));
}
