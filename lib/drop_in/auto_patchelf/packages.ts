// Which nixpkgs packages have what a build lacks, from the same sources that all commands use.
import type { Machine } from "../../file/machine.js";
import { type Locate, locator } from "../../store/nixpkgs/nix_index.js";
import type { NixpkgsPackage } from "../../store/nixpkgs/packages.js";
import { packagesFor } from "../../store/nixpkgs/rank.js";
import type { MissingDependency } from "./auto_patchelf.js";

/** The packages for each library that has to be there, the best first. */
export async function packagesOf(
  missing: readonly MissingDependency[],
  machine: Machine,
  locate: Locate = locator(),
): Promise<Map<string, NixpkgsPackage[]>> {
  const found = new Map<string, NixpkgsPackage[]>();
  for (const { name, pattern } of missing)
    if (pattern === null && !found.has(name))
      found.set(name, await packagesFor(name, locate, machine));
  return found;
}
